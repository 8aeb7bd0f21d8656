// gSOAP with a client that wsdl2h and soapcpp2 made from the bus's WSDL. Texts are what it is told to take for
// xs:dateTime and xs:decimal (typemap.dat): time_t would lose the zone, double the last digit.
#include "soapH.h"
#include "lab.nsmap"
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

typedef std::vector<std::pair<std::string, std::string>> Fields;

template <class Q, class R> struct Call { typedef Q Request; typedef R Reply; };
template <class Q, class R> Call<Q, R> of(int (*)(struct soap *, const char *, const char *, Q *, R &));
typedef decltype(of(&soap_call___ns1__Echo)) Echo;
typedef decltype(of(&soap_call___ns1__Refuse)) Refuse;
typedef std::remove_pointer_t<decltype(Echo::Request::sample)> Sample;
typedef std::remove_pointer_t<typename decltype(Sample::panel)::value_type> Panel;
typedef std::remove_pointer_t<decltype(Echo::Reply::result)> Result;

// What is made lives as long as the process, which sends two dozen requests.
static void put(struct soap *, std::string &field, const std::string &text) { field = text; }
static void put(struct soap *, std::string *&field, const std::string &text) { field = new std::string(text); }
template <class Binary> auto put(struct soap *soap, Binary *&field, const std::string &text) -> decltype(field->__ptr, void()) {
    int size = 0;
    field = new Binary;
    const char *bytes = soap_base642s(soap, text.c_str(), nullptr, 0, &size);
    field->__ptr = (unsigned char *)bytes;
    field->__size = size;
}

static std::string get(struct soap *soap, const std::string &field) { return field; }
template <class Binary> auto get(struct soap *soap, const Binary &field) -> decltype(field.__ptr, std::string()) {
    return soap_s2base64(soap, field.__ptr, nullptr, field.__size);
}

template <class Field> void say(struct soap *soap, std::ostream &out, const char *name, const Field &field) {
    out << '\t' << name << '=' << get(soap, field);
}
template <class Field> void say(struct soap *soap, std::ostream &out, const char *name, Field *field) {
    if (field) say(soap, out, name, *field);
}

static std::string send(struct soap *soap, const char *endpoint, const std::string &way, const Fields &fields) {
    Echo::Request request;
    Echo::Reply reply;
    request.sample = new Sample;
    Panel *panel = nullptr;
    for (const auto &field : fields) {
        const std::string &name = field.first, &text = field.second;
        if (name == "text") put(soap, request.sample->text, text);
        if (name == "price") put(soap, request.sample->price, text);
        if (name == "taken") put(soap, request.sample->taken, text);
        if (name == "image") put(soap, request.sample->image, text);
        if (name == "panel") {
            panel = new Panel;
            put(soap, panel->code, text);
            request.sample->panel.push_back(panel);
        }
        if (name == "panel.value") panel->value.push_back(text);
    }
    const char *action = way == "strange-action" ? "urn:nobody:knows/this" : way == "other-action" ? "urn:example:lab/Refuse" : "urn:example:lab/Echo";
    std::ostringstream out;
    if (soap_call___ns1__Echo(soap, endpoint, action, &request, reply) != SOAP_OK) return "";
    out << "answer";
    say(soap, out, "text", reply.result->text);
    say(soap, out, "price", reply.result->price);
    say(soap, out, "taken", reply.result->taken);
    say(soap, out, "note", reply.result->note);
    for (const auto *each : reply.result->panel) {
        say(soap, out, "panel", each->code);
        for (const auto &value : each->value) say(soap, out, "panel.value", value);
    }
    say(soap, out, "image", reply.result->image);
    return out.str();
}

// The namespaces of the generated client, the envelope's being that of SOAP 1.2: gSOAP goes by it.
static const struct Namespace *soap12() {
    static std::vector<struct Namespace> table;
    table.clear();
    for (const struct Namespace *each = namespaces; each->id; ++each) table.push_back(*each);
    table[0].ns = "http://www.w3.org/2003/05/soap-envelope";
    table[0].in = "http://schemas.xmlsoap.org/soap/envelope/";
    table.push_back({nullptr, nullptr, nullptr, nullptr});
    return table.data();
}

int main(int, char **arguments) {
    std::cout << "import\tanswer" << std::endl;
    for (std::string order; std::getline(std::cin, order);) {
        std::vector<std::string> parts;
        std::istringstream in(order);
        for (std::string part; std::getline(in, part, '\t');) parts.push_back(part);
        Fields fields;
        for (size_t at = 3; at < parts.size(); ++at) {
            size_t sign = parts[at].find('=');
            fields.emplace_back(parts[at].substr(0, sign), parts[at].substr(sign + 1));
        }
        struct soap *soap = soap_new1(SOAP_C_UTFSTRING | (parts[1] == "chunked" ? SOAP_IO_CHUNK : 0));
        soap->userid = std::getenv("WARD_USER");
        soap->passwd = std::getenv("WARD_PASSWORD");
        if (parts[1] == "soap12") soap_set_namespaces(soap, soap12());
        std::string answer;
        if (parts[2] == "Echo") {
            answer = send(soap, arguments[1], parts[1], fields);
        } else {
            Refuse::Request request;
            Refuse::Reply reply;
                    put(soap, request.text, fields[0].second);
            if (soap_call___ns1__Refuse(soap, arguments[1], "urn:example:lab/Refuse", &request, reply) == SOAP_OK) answer = "answer\t";
        }
        if (answer.empty()) {
            // A fault may come in the other version's words than the client speaks.
            const auto *fault = soap->fault;
            if (!fault) soap_set_fault(soap);
            const char *code = fault && fault->faultcode ? fault->faultcode : *soap_faultcode(soap);
            const char *words = fault && fault->faultstring ? fault->faultstring : *soap_faultstring(soap);
            std::string reason = words ? words : "";
            for (char &letter : reason) if (letter == '\n' || letter == '\t') letter = ' ';
            answer = std::string(fault ? "fault\t" : "error\t") + (code ? code : "") + "\t" + reason;
        }
        std::cout << parts[0] << '\t' << answer << std::endl;
        soap_destroy(soap);
        soap_end(soap);
        soap_free(soap);
    }
}
