<?php
// PHP's SoapClient. Arguments: WSDL. Lines in and out as in the suite's README.
class Client extends SoapClient {
    public string $way = '';
    public function __doRequest($request, $location, $action, $version, $oneWay = false): ?string {
        if ($this->way === 'strange-action') $action = 'urn:nobody:knows/this';
        if ($this->way === 'other-action') $action = str_replace('Echo', 'Refuse', $action);
        if ($this->way === 'empty-body') $request = preg_replace('~(<[\w-]+:Body>).*(</[\w-]+:Body>)~s', '$1$2', $request);
        if ($this->way === 'bom') $request = "\xEF\xBB\xBF" . $request;
        if ($this->way === 'utf-16') $request = iconv('UTF-8', 'UTF-16', str_replace('UTF-8', 'UTF-16', $request));
        if ($this->way === 'gb18030') $request = iconv('UTF-8', 'GB18030', str_replace('UTF-8', 'GB18030', $request));
        return parent::__doRequest($request, $location, $action, $version, $oneWay);
    }
}

function sample(array $fields): array {
    $sample = [];
    foreach ($fields as $field) {
        [$name, $text] = explode('=', $field, 2);
        switch ($name) {
            case 'panel': $sample['panel'][] = ['code' => $text]; break;
            case 'panel.value': $sample['panel'][count($sample['panel']) - 1]['value'][] = $text; break;
            case 'note.nil': $sample['note'] = null; break;
            case 'image': $sample['image'] = IMAGE_IS_BINARY ? base64_decode($text) : $text; break;
            default: $sample[$name] = $text;
        }
    }
    return $sample;
}

function line(object $sample): string {
    $parts = [];
    foreach (['text', 'price', 'taken', 'note', 'panel', 'image'] as $name) {
        if (!property_exists($sample, $name)) continue;
        if ($name === 'panel') {
            foreach ($sample->panel as $panel) {
                $parts[] = "panel=$panel->code";
                foreach ($panel->value ?? [] as $value) $parts[] = "panel.value=$value";
            }
        } elseif ($sample->$name === null) {
            $parts[] = "$name.nil=";
        } else {
            $parts[] = "$name=" . ($name === 'image' && IMAGE_IS_BINARY ? base64_encode($sample->image) : $sample->$name);
        }
    }
    return implode("\t", $parts);
}

[, $wsdl] = $argv;
$options = [
    'login' => getenv('WARD_USER'), 'password' => getenv('WARD_PASSWORD'), 'cache_wsdl' => WSDL_CACHE_NONE,
    'features' => SOAP_SINGLE_ELEMENT_ARRAYS, 'exceptions' => true,
];
$plain = new Client($wsdl, $options);
define('IMAGE_IS_BINARY', (bool) preg_grep('/base64Binary image/', $plain->__getTypes()));
echo "import\tanswer\n";
while (($read = fgets(STDIN)) !== false) {
    [$case, $way, $operation, $fields] = explode("\t", rtrim($read, "\n"), 4) + [3 => ''];
    $fields = $fields === '' ? [] : explode("\t", $fields);
    try {
        $client = $plain;
        if ($way === 'soap12') $client = new Client($wsdl, $options + ['soap_version' => SOAP_1_2]);
        if ($way === 'gzip') $client = new Client($wsdl, $options + ['compression' => SOAP_COMPRESSION_ACCEPT | SOAP_COMPRESSION_GZIP | 6]);
        $client->way = $way;
        $arguments = $operation === 'Echo' ? ['sample' => sample($fields)] : ['text' => substr($fields[0], 5)];
        $answer = $client->__soapCall($operation, [$arguments]);
        echo "$case\tanswer\t" . ($operation === 'Echo' ? line($answer->result) : '') . "\n";
    } catch (SoapFault $fault) {
        echo "$case\tfault\t$fault->faultcode\t" . strtr($fault->faultstring, "\t\n", '  ') . "\n";
    }
}
