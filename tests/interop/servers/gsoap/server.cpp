// A laboratory on gSOAP's server. Argument: port.
#include "soapH.h"
#include "lab.nsmap"
#include <cstdlib>

int __ns1__Echo(struct soap *, _ns1__Echo *request, _ns1__EchoResponse &reply) {
    reply.result = request->sample;
    return SOAP_OK;
}

int __ns1__Refuse(struct soap *soap, _ns1__Refuse *request, _ns1__RefuseResponse &) {
    return soap_sender_fault(soap, ("拒收：" + request->text).c_str(), nullptr);
}

int main(int, char **arguments) {
    struct soap *soap = soap_new1(SOAP_C_UTFSTRING);
    if (!soap_valid_socket(soap_bind(soap, "127.0.0.1", std::atoi(arguments[1]), 100))) return 1;
    while (soap_valid_socket(soap_accept(soap))) {
        soap_serve(soap);
        soap_destroy(soap);
        soap_end(soap);
    }
}
