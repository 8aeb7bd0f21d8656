import java.net.URL;
import java.security.MessageDigest;
import java.util.Iterator;
import javax.xml.namespace.QName;
import javax.xml.soap.*;

/** Calls the archive with SAAJ, Java's own SOAP with Attachments: arguments are address, API key and size. */
public class ArchiveClient {
    public static void main(String[] arguments) throws Exception {
        byte[] content = new byte[Integer.parseInt(arguments[2])];
        for (int at = 0; at < content.length; at++) content[at] = (byte) at;
        SOAPMessage message = MessageFactory.newInstance().createMessage();
        message.getMimeHeaders().addHeader("X-API-Key", arguments[1]);
        message.getMimeHeaders().addHeader("SOAPAction", "\"urn:example:archive/Store\"");
        QName name = new QName("urn:example:archive", "Store");
        SOAPElement store = message.getSOAPBody().addChildElement(name);
        store.addChildElement(new QName("urn:example:archive", "name")).addTextNode("D1");
        store.addChildElement(new QName("urn:example:archive", "content")).addTextNode("cid:scan@java");
        AttachmentPart part = message.createAttachmentPart();
        part.setRawContentBytes(content, 0, content.length, "application/dicom");
        part.setContentId("<scan@java>");
        message.addAttachmentPart(part);
        message.saveChanges();
        SOAPConnection connection = SOAPConnectionFactory.newInstance().createConnection();
        SOAPMessage stored = connection.call(message, new URL(arguments[0]));
        System.out.println(stored.getSOAPBody().getTextContent());

        SOAPMessage question = MessageFactory.newInstance().createMessage();
        question.getMimeHeaders().addHeader("X-API-Key", arguments[1]);
        question.getMimeHeaders().addHeader("Accept", "text/xml, multipart/related");
        SOAPElement fetch = question.getSOAPBody().addChildElement(new QName("urn:example:archive", "Fetch"));
        fetch.addChildElement(new QName("urn:example:archive", "name")).addTextNode(arguments[2]);
        SOAPMessage answer = connection.call(question, new URL(arguments[0]));
        Iterator<?> parts = answer.getAttachments();
        while (parts.hasNext()) {
            AttachmentPart found = (AttachmentPart) parts.next();
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(found.getRawContentBytes());
            StringBuilder hex = new StringBuilder();
            for (byte each : digest) hex.append(String.format("%02x", each));
            System.out.println(found.getContentId() + " " + found.getContentType() + " " + hex);
        }
    }
}
