<%@ WebService Language="C#" Class="Lab" %>
using System;
using System.Web.Services;
using System.Web.Services.Protocols;
using System.Xml.Serialization;

public class Panel {
    public string code;
    [XmlElement] public decimal[] value;
}

public class Sample {
    public string text;
    public decimal price;
    [XmlIgnore] public bool priceSpecified;
    public DateTime taken;
    [XmlIgnore] public bool takenSpecified;
    [XmlElement(IsNullable = true)] public string note;
    [XmlElement] public Panel[] panel;
    public byte[] image;
}

[WebService(Namespace = "urn:example:lab")]
public class Lab : WebService {
    [WebMethod]
    [return: XmlElement("result")]
    public Sample Echo(Sample sample) {
        return sample;
    }

    [WebMethod]
    public bool Refuse(string text) {
        throw new SoapException("拒收：" + text, SoapException.ClientFaultCode);
    }
}
