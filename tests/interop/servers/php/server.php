<?php
// The laboratory on PHP's own SoapServer: what it knows of the contract stands in the WSDL alone.
class Laboratory {
    public function Echo($request) {
        return ['result' => $request->sample];
    }
    public function Refuse($request) {
        throw new SoapFault('Client', '拒收：' . $request->text, null, ['reason' => 'refused']);
    }
}
$options = ['features' => SOAP_SINGLE_ELEMENT_ARRAYS, 'cache_wsdl' => WSDL_CACHE_NONE];
$server = new SoapServer(getenv('LAB_WSDL'), $options);
$server->setClass('Laboratory');
$server->handle();
