# SOAP::Lite, its calls built by hand: its own reading of a WSDL takes document/literal for rpc.
use strict;
use warnings;
use open qw(:std :encoding(UTF-8));
use Encode qw(decode encode);
use LWP::UserAgent;
use SOAP::Lite;

$| = 1;
my ($wsdl) = @ARGV;
my $contract = LWP::UserAgent->new->get($wsdl)->decoded_content;
my ($namespace) = $contract =~ /targetNamespace="([^"]+)"/ or die 'no namespace';
my ($endpoint) = $contract =~ /address location="([^"]+)"/ or die 'no address';
my %actions = ('strange-action' => 'urn:nobody:knows/this', 'other-action' => 'urn:example:lab/Refuse');

sub SOAP::Transport::HTTP::Client::get_basic_credentials { return ($ENV{WARD_USER}, $ENV{WARD_PASSWORD}) }

sub element { my ($name, @value) = @_; return SOAP::Data->name($name)->value(map { ref $_ ? $_ : SOAP::Utils::encode_data($_) } @value) }

sub sample {
    my (@parts, @panels);
    for (@_) {
        my ($name, $text) = /^([^=]*)=(.*)$/s;
        if ($name eq 'panel') { push @panels, [element(code => $text)] }
        elsif ($name eq 'panel.value') { push @{$panels[-1]}, element(value => $text) }
        elsif ($name eq 'note.nil') { push @parts, SOAP::Data->name('note')->attr({'xsi:nil' => 'true'}) }
        else { push @parts, element($name => $text) }
    }
    my @image = grep { $_->name eq 'image' } @parts;
    @parts = grep { $_->name ne 'image' } @parts;
    return \SOAP::Data->value(@parts, (map { element(panel => \SOAP::Data->value(@$_)) } @panels), @image);
}

sub children {
    my ($reply, $path) = @_;
    my @found;
    for (my $number = 1; my ($data) = $reply->dataof("$path/[$number]"); $number++) {
        push @found, [$data, "$path/[$number]"];
    }
    return @found;
}

sub line {
    my ($reply) = @_;
    my @parts;
    for (children($reply, '//result')) {
        my ($data, $path) = @$_;
        if ($data->name eq 'panel') {
            for (children($reply, $path)) {
                my ($inner) = @$_;
                push @parts, ($inner->name eq 'code' ? 'panel=' : 'panel.value=') . $inner->value;
            }
        }
        else { push @parts, defined $data->value ? $data->name . '=' . $data->value : $data->name . '.nil=' }
    }
    return join "\t", @parts;
}

print "import\tanswer\n";
while (my $order = <STDIN>) {
    chomp $order;
    my ($case, $way, $operation, @fields) = split /\t/, $order;
    SOAP::Lite->soapversion($way eq 'soap12' ? '1.2' : '1.1');  # before a serializer is made
    my @options = $way eq 'gzip' ? (options => {compress_threshold => 10}) : ();
    my $soap = SOAP::Lite->proxy($endpoint, timeout => 60, @options)->default_ns($namespace)->autotype(0);
    $soap->on_action(sub { '"' . ($actions{$way} // "urn:example:lab/$operation") . '"' });
    $soap->on_fault(sub { my ($s, $r) = @_; return ref $r ? $r : SOAP::SOM->new });
    my $argument = $operation eq 'Echo'
        ? SOAP::Data->name('sample' => sample(@fields)) : element(text => $fields[0] =~ s/^text=//r);
    my $reply = eval { $soap->call($operation, $argument) };
    my $words;
    if (!defined $reply || !ref $reply) { $words = "error\t" . ($@ || $soap->transport->status) }
    elsif ($reply->fault) { $words = "fault\t" . $reply->faultcode . "\t" . $reply->faultstring }
    else { $words = "answer\t" . ($operation eq 'Echo' ? line($reply) : '') }
    $words =~ s/\n/ /g;
    print "$case\t$words\n";
}
