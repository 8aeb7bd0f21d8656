<?php
// Calls FindStudies as any hospital's PHP would: the WSDL's address, a login, and nothing else of the bus.
[, $wsdl, $login, $password, $field, $value] = $argv;
try {
    $client = new SoapClient($wsdl, [
        'login' => $login,
        'password' => $password,
        'cache_wsdl' => WSDL_CACHE_NONE,
        'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
    ]);
    echo json_encode($client->FindStudies([$field => $value]), JSON_UNESCAPED_UNICODE);
} catch (SoapFault $fault) {
    $problem = $fault->detail->problem ?? null;
    echo json_encode(['fault' => $fault->faultcode, 'reason' => $fault->faultstring, 'problem' => $problem], JSON_UNESCAPED_UNICODE);
}
