import java.security.MessageDigest;
import java.util.*;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.soap.MTOMFeature;

/** Calls the archive with a JAX-WS client made by wsimport, MTOM switched on: address, API key, size. */
public class MtomClient {
    public static void main(String[] arguments) throws Exception {
        byte[] content = new byte[Integer.parseInt(arguments[2])];
        for (int at = 0; at < content.length; at++) content[at] = (byte) at;
        archive.Archive port = new archive.Archive_Service().getArchiveSoap(new MTOMFeature(true, 0));
        Map<String, Object> context = ((BindingProvider) port).getRequestContext();
        context.put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, arguments[0]);
        context.put(MessageContext.HTTP_REQUEST_HEADERS,
            Collections.singletonMap("X-API-Key", Collections.singletonList(arguments[1])));
        javax.xml.ws.Holder<Long> size = new javax.xml.ws.Holder<>();
        javax.xml.ws.Holder<String> digest = new javax.xml.ws.Holder<>();
        port.store("D1", content, size, digest);
        System.out.println(size.value + digest.value);
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(port.fetch(arguments[2]));
        StringBuilder hex = new StringBuilder();
        for (byte each : hash) hex.append(String.format("%02x", each));
        System.out.println(hex);
    }
}
