"""A laboratory of the year 2003: rpc bindings, literal or in SOAP's own encoding, and messages that old stacks send."""

from __future__ import annotations

import textwrap

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
ENC = "http://schemas.xmlsoap.org/soap/encoding/"


def wsdl(use: str) -> bytes:
    """Its WSDL; ``use`` is ``literal`` or ``encoded``. Like those of Axis 1 it imports nothing."""
    style = f' encodingStyle="{ENC}"' if use == "encoded" else ""
    items = (
        """<complexType name="ArrayOfItem"><complexContent><restriction base="soapenc:Array">
            <attribute ref="soapenc:arrayType" wsdl:arrayType="t:Item[]"/></restriction></complexContent></complexType>
           <complexType name="Names"><complexContent><restriction base="soapenc:Array">
            <attribute ref="soapenc:arrayType" wsdl:arrayType="xsd:string[]"/></restriction>
            </complexContent></complexType>"""
        if use == "encoded"
        else """<complexType name="ArrayOfItem"><sequence>
            <element name="item" type="t:Item" minOccurs="0" maxOccurs="unbounded"/></sequence></complexType>
           <complexType name="Names"><sequence>
            <element name="item" type="xsd:string" minOccurs="0" maxOccurs="unbounded"/></sequence></complexType>"""
    )
    body = f'<soap:body use="{use}" namespace="urn:lab:2003"{style}/>'
    return f"""<wsdl:definitions targetNamespace="urn:lab:2003" xmlns:t="urn:lab:types" xmlns:i="urn:lab:2003"
  xmlns:soapenc="{ENC}" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/">
 <wsdl:types><schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:lab:types">
  <complexType name="Item"><sequence><element name="code" type="xsd:string"/><element name="count" type="xsd:int"/>
   <element name="price" type="xsd:decimal" nillable="true"/></sequence></complexType>
  <complexType name="PanelItem"><complexContent><extension base="t:Item"><sequence>
   <element name="panel" type="xsd:string"/></sequence></extension></complexContent></complexType>
  {items}
 </schema></wsdl:types>
 <wsdl:message name="PlaceRequest"><wsdl:part name="visitNo" type="{"soapenc" if use == "encoded" else "xsd"}:string"/>
  <wsdl:part name="items" type="t:ArrayOfItem"/><wsdl:part name="urgent" type="xsd:boolean"/></wsdl:message>
 <wsdl:message name="PlaceResponse"><wsdl:part name="PlaceReturn" type="t:Names"/></wsdl:message>
 <wsdl:message name="PingRequest"/><wsdl:message name="PingResponse"/>
 <wsdl:portType name="Lab">
  <wsdl:operation name="Place" parameterOrder="visitNo items urgent"><wsdl:input message="i:PlaceRequest"/>
   <wsdl:output message="i:PlaceResponse"/></wsdl:operation>
  <wsdl:operation name="Ping"><wsdl:input message="i:PingRequest"/>
   <wsdl:output message="i:PingResponse"/></wsdl:operation>
 </wsdl:portType>
 <wsdl:binding name="LabSoapBinding" type="i:Lab">
  <soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Place"><soap:operation soapAction=""/>
   <wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output></wsdl:operation>
  <wsdl:operation name="Ping"><soap:operation soapAction=""/>
   <wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output></wsdl:operation>
 </wsdl:binding>
 <wsdl:service name="LabService"><wsdl:port name="Lab" binding="i:LabSoapBinding">
  <soap:address location="http://10.0.0.1/axis/services/Lab"/></wsdl:port></wsdl:service>
</wsdl:definitions>""".encode()


#: What the messages below say.
ORDER = {
    "visitNo": "V1",
    "items": [{"code": "A1", "count": 2, "price": "5.60"}, {"code": "B2", "count": 1, "price": None}],
    "urgent": True,
}


def envelope(body: str) -> bytes:
    """A SOAP 1.1 envelope as these stacks write it."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{SOAP11}" xmlns:SOAP-ENC="{ENC}"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{textwrap.dedent(body).strip()}</soapenv:Body></soapenv:Envelope>"
    ).encode()


#: One order as each stack puts it on the wire.
MESSAGES = {
    "Axis 1.4": envelope(f"""
        <ns1:Place soapenv:encodingStyle="{ENC}" xmlns:ns1="urn:lab:2003">
         <visitNo xsi:type="xsd:string">V1</visitNo><items href="#id0"/><urgent href="#id1"/></ns1:Place>
        <multiRef id="id1" SOAP-ENC:root="0" soapenv:encodingStyle="{ENC}" xsi:type="xsd:boolean">true</multiRef>
        <multiRef id="id0" SOAP-ENC:root="0" xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="ns2:Item[2]"
          xmlns:ns2="urn:lab:types"><multiRef href="#id2"/><multiRef href="#id3"/></multiRef>
        <multiRef id="id2" SOAP-ENC:root="0" xsi:type="ns3:Item" xmlns:ns3="urn:lab:types">
         <code xsi:type="xsd:string">A1</code><count href="#id4"/><price xsi:type="xsd:decimal">5.60</price></multiRef>
        <multiRef id="id3" SOAP-ENC:root="0" xsi:type="ns3:Item" xmlns:ns3="urn:lab:types">
         <code xsi:type="xsd:string">B2</code><count xsi:type="xsd:int">1</count>
         <price xsi:type="xsd:decimal" xsi:nil="true"/></multiRef>
        <multiRef id="id4" SOAP-ENC:root="0" xsi:type="xsd:int">2</multiRef>"""),
    "PHP SoapClient": envelope(f"""
        <ns1:Place soapenv:encodingStyle="{ENC}" xmlns:ns1="urn:lab:2003" xmlns:ns2="urn:lab:types">
         <visitNo xsi:type="xsd:string">V1</visitNo>
         <items SOAP-ENC:arrayType="ns2:Item[2]" xsi:type="ns2:ArrayOfItem">
          <item xsi:type="ns2:Item"><code xsi:type="xsd:string">A1</code><count xsi:type="xsd:int">2</count>
           <price xsi:type="xsd:decimal">5.60</price></item>
          <item xsi:type="ns2:Item"><code xsi:type="xsd:string">B2</code><count xsi:type="xsd:int">1</count>
           <price xsi:nil="true"/></item></items>
         <urgent xsi:type="xsd:boolean">true</urgent></ns1:Place>"""),
    "SOAP::Lite": envelope(f"""
        <Place xmlns="urn:lab:2003" soapenv:encodingStyle="{ENC}">
         <visitNo xsi:type="xsd:string">V1</visitNo>
         <items SOAP-ENC:arrayType="xsd:ur-type[2]" xsi:type="SOAP-ENC:Array">
          <i xsi:type="SOAP-ENC:Struct"><code xsi:type="xsd:string">A1</code><count xsi:type="xsd:int">2</count>
           <price xsi:type="xsd:float">5.60</price></i>
          <i><code xsi:type="xsd:string">B2</code><count xsi:type="xsd:int">1</count>
           <price xsi:nil="true"/></i></items>
         <urgent xsi:type="xsd:boolean">1</urgent></Place>"""),
    ".NET 1.x": envelope(f"""
        <tns:Place xmlns:tns="urn:lab:2003" soapenv:encodingStyle="{ENC}">
         <visitNo xsi:type="xsd:string">V1</visitNo><items href="#id1"/><urgent xsi:type="xsd:boolean">true</urgent>
        </tns:Place>
        <SOAP-ENC:Array id="id1" SOAP-ENC:arrayType="q:Item[2]" xmlns:q="urn:lab:types">
         <Item href="#id2"/><Item href="#id3"/></SOAP-ENC:Array>
        <q:Item id="id2" xsi:type="q:Item" xmlns:q="urn:lab:types"><code xsi:type="xsd:string">A1</code>
         <count xsi:type="xsd:int">2</count><price xsi:type="xsd:decimal">5.60</price></q:Item>
        <q:Item id="id3" xsi:type="q:Item" xmlns:q="urn:lab:types"><code xsi:type="xsd:string">B2</code>
         <count xsi:type="xsd:int">1</count><price xsi:nil="true"/></q:Item>"""),
}
