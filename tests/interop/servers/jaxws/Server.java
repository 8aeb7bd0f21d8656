// A laboratory on JAX-WS RI's own HTTP server, in the rpc/literal style. Argument: its address.
import java.math.BigDecimal;
import java.util.List;
import javax.jws.*;
import javax.jws.soap.SOAPBinding;
import javax.xml.bind.annotation.*;
import javax.xml.datatype.XMLGregorianCalendar;
import javax.xml.namespace.QName;
import javax.xml.soap.*;
import javax.xml.ws.Endpoint;
import javax.xml.ws.soap.SOAPFaultException;

@WebService(name = "Lab", serviceName = "Lab", targetNamespace = "urn:example:lab")
@SOAPBinding(style = SOAPBinding.Style.RPC)
public class Server {
    @XmlAccessorType(XmlAccessType.FIELD)
    public static class Panel {
        @XmlElement(required = true) public String code;
        public List<BigDecimal> value;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    public static class Sample {
        @XmlElement(required = true) public String text;
        public BigDecimal price;
        public XMLGregorianCalendar taken;
        @XmlElement(nillable = true) public String note;
        public List<Panel> panel;
        public byte[] image;
    }

    @WebMethod(operationName = "Echo", action = "urn:example:lab/Echo")
    @WebResult(name = "result")
    public Sample echo(@WebParam(name = "sample") Sample sample) {
        return sample;
    }

    @WebMethod(operationName = "Refuse", action = "urn:example:lab/Refuse")
    @WebResult(name = "done")
    public boolean refuse(@WebParam(name = "text") String text) {
        QName code = new QName(SOAPConstants.URI_NS_SOAP_1_1_ENVELOPE, "Client");
        try {
            throw new SOAPFaultException(SOAPFactory.newInstance().createFault("拒收：" + text, code));
        } catch (SOAPException error) {
            throw new IllegalStateException(error);
        }
    }

    public static void main(String[] arguments) {
        Endpoint.publish(arguments[0], new Server());
    }
}
