<?php
// Calls Place of an rpc/encoded WSDL ($argv[1]); what it sends goes to $argv[2], the answer is read from $argv[3].
class Recorded extends SoapClient {
    public string $into = '';
    public string $from = '';
    public function __doRequest(string $request, string $location, string $action, int $version, bool $oneWay = false): ?string {
        file_put_contents($this->into, $request);
        return file_get_contents($this->from);
    }
}
$client = new Recorded($argv[1], ['cache_wsdl' => WSDL_CACHE_NONE]);
$client->into = $argv[2];
$client->from = $argv[3];
$shared = (object) ['code' => 'A1', 'count' => 2, 'price' => '5.60'];
$items = [$shared, (object) ['code' => '血常规', 'count' => 1, 'price' => null], $shared];
echo json_encode($client->Place('V1', $items, true), JSON_UNESCAPED_UNICODE);
