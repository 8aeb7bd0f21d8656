<?php
// Calls an operation as any hospital's PHP would. With the WSDL "-" it calls the address without one.
[, $wsdl, $address, $login, $password, $operation, $arguments, $version] = $argv;
$options = ['login' => $login, 'password' => $password, 'cache_wsdl' => WSDL_CACHE_NONE, 'soap_version' => (int) $version, 'features' => SOAP_SINGLE_ELEMENT_ARRAYS];
try {
    $client = $wsdl === '-' ? new SoapClient(null, $options + ['location' => $address, 'uri' => 'urn:example:lab']) : new SoapClient($wsdl, $options);
    echo json_encode(['answer' => $client->__soapCall($operation, [json_decode($arguments, true)])], JSON_UNESCAPED_UNICODE);
} catch (SoapFault $fault) {
    echo json_encode(['fault' => $fault->faultcode, 'reason' => $fault->faultstring, 'detail' => $fault->detail ?? null], JSON_UNESCAPED_UNICODE);
}
