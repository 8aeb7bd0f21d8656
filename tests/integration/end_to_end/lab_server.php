<?php
// A laboratory on PHP's own SoapServer: what it knows of its contract stands in the WSDL alone.
class Laboratory {
    public function PlaceOrder($order) {
        $items = $order->item ?? [];
        foreach ($items as $item) {
            if ($item->code === 'UNKNOWN') {
                throw new SoapFault('Client', '没有该检验项目', null, ['item' => $item->code]);
            }
        }
        return ['orderNo' => 'L' . $order->visitNo, 'note' => '已受理 𠮷', 'item' => $items];
    }
    public function CancelOrder($order) {
        return ['done' => true];
    }
}
$server = new SoapServer(__DIR__ . '/hospital/contracts/lab.wsdl', ['features' => SOAP_SINGLE_ELEMENT_ARRAYS, 'cache_wsdl' => WSDL_CACHE_NONE]);
$server->setClass('Laboratory');
$server->handle();
