# Writes what SOAP::Lite sends for Place to $ARGV[0], and prints what it reads in the answer $ARGV[1].
use strict; use warnings; use utf8;
use SOAP::Lite;
my $item = sub { SOAP::Data->name('Item' => \SOAP::Data->value(
    SOAP::Data->name(code => $_[0])->type('string'), SOAP::Data->name(count => $_[1])->type('int'),
    SOAP::Data->name(price => $_[2])->type('decimal'))) };
my @items = ($item->('A1', 2, '5.60'), $item->('B2', 1, '0.10'));
my $sent = SOAP::Serializer->new->envelope(method => SOAP::Data->name('Place')->attr({xmlns => 'urn:lab:2003'}),
    SOAP::Data->name(visitNo => 'V1')->type('string'),
    SOAP::Data->name(items => \SOAP::Data->value(@items))->type('SOAP-ENC:Array'),
    SOAP::Data->name(urgent => 'true')->type('boolean'));
open(my $out, '>:utf8', $ARGV[0]) or die; print $out $sent; close $out;
open(my $in, '<', $ARGV[1]) or die; local $/; my $read = SOAP::Deserializer->new->deserialize(<$in>);
binmode(STDOUT, ':utf8');
print join('|', @{$read->result});
