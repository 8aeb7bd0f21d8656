// JAX-WS RI with classes that wsimport made from the bus's WSDL; SAAJ for what the proxy has no switch for.
import java.io.*;
import java.lang.reflect.*;
import java.math.BigDecimal;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.*;
import javax.xml.bind.JAXBElement;
import javax.xml.datatype.*;
import javax.xml.namespace.QName;
import javax.xml.soap.*;
import javax.xml.ws.*;
import javax.xml.ws.soap.SOAPFaultException;

public class Client {
    static final Map<String, String> ACTIONS =
        Map.of("strange-action", "urn:nobody:knows/this", "other-action", "urn:example:lab/Refuse");
    static final Set<String> BY_SAAJ = Set.of("soap12", "empty-body", "utf-16", "gb18030", "strange-action", "other-action");
    static Object port;
    static String namespace;

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Class<?> service = null;
        for (String file : new File(arguments[1], "lab").list()) {
            if (!file.endsWith(".class")) continue;
            Class<?> found = Class.forName("lab." + file.replace(".class", ""));
            if (found.isAnnotationPresent(WebServiceClient.class)) service = found;
        }
        namespace = service.getAnnotation(WebServiceClient.class).targetNamespace();
        Object made = service.getConstructor(URL.class).newInstance(new URL(arguments[0]));
        for (Method method : service.getDeclaredMethods())
            if (method.isAnnotationPresent(WebEndpoint.class) && method.getParameterCount() == 0) port = method.invoke(made);
        Map<String, Object> context = ((BindingProvider) port).getRequestContext();
        context.put(BindingProvider.USERNAME_PROPERTY, System.getenv("WARD_USER"));
        context.put(BindingProvider.PASSWORD_PROPERTY, System.getenv("WARD_PASSWORD"));
        out.println("import\tanswer");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String order = in.readLine(); order != null; order = in.readLine()) {
            String[] parts = order.split("\t", -1);
            List<String> fields = Arrays.asList(parts).subList(3, parts.length);
            try {
                String answer = BY_SAAJ.contains(parts[1]) ? bySaaj(parts[1], fields) : byProxy(parts[1], parts[2], fields);
                out.println(parts[0] + "\tanswer\t" + answer);
            } catch (SOAPFaultException fault) {
                String reason = fault.getFault().getFaultString().replaceAll("\\s+", " ");
                out.println(parts[0] + "\tfault\t" + fault.getFault().getFaultCode() + "\t" + reason);
            } catch (Exception error) {
                StringWriter trace = new StringWriter();
                error.printStackTrace(new PrintWriter(trace));
                out.println(parts[0] + "\terror\t" + trace.toString().replaceAll("\\s+", " "));
            }
        }
    }

    static String byProxy(String way, String operation, List<String> fields) throws Exception {
        Map<String, Object> context = ((BindingProvider) port).getRequestContext();
        context.remove("com.sun.xml.ws.transport.http.client.streaming.chunk.size");
        if (way.equals("chunked")) context.put("com.sun.xml.ws.transport.http.client.streaming.chunk.size", 256);
        for (Method method : port.getClass().getInterfaces()[0].getMethods()) {
            if (!method.getName().equals(operation.toLowerCase(Locale.ROOT))) continue;
            boolean echo = operation.equals("Echo");
            Object argument = echo ? sample(method.getParameterTypes()[0], fields) : fields.get(0).substring(5);
            try {
                Object answer = method.invoke(port, argument);
                return echo ? line(answer) : "";
            } catch (InvocationTargetException thrown) {
                throw (Exception) thrown.getCause();
            }
        }
        throw new IllegalStateException("no method for " + operation);
    }

    static Object sample(Class<?> type, List<String> fields) throws Exception {
        Object made = type.getConstructor().newInstance();
        Object panel = null;
        for (String field : fields) {
            String name = field.substring(0, field.indexOf('=')), text = field.substring(field.indexOf('=') + 1);
            if (name.equals("panel")) {
                panel = itemType(type, "panel").getConstructor().newInstance();
                set(panel, "code", text);
                list(made, "panel").add(panel);
            } else if (name.equals("panel.value")) {
                list(panel, "value").add(value(itemType(panel.getClass(), "value"), "value", text));
            } else {
                set(made, name.replace(".nil", ""), name.endsWith(".nil") ? null : text);
            }
        }
        return made;
    }

    static void set(Object bean, String name, String text) throws Exception {
        for (Method method : bean.getClass().getMethods())
            if (method.getName().equalsIgnoreCase("set" + name)) method.invoke(bean, value(method.getParameterTypes()[0], name, text));
    }

    static Object value(Class<?> type, String name, String text) throws Exception {
        if (type == BigDecimal.class) return new BigDecimal(text);
        if (type == XMLGregorianCalendar.class) return DatatypeFactory.newInstance().newXMLGregorianCalendar(text);
        if (type == byte[].class) return Base64.getDecoder().decode(text);
        if (type != JAXBElement.class) return text;
        JAXBElement<String> element = new JAXBElement<>(new QName(namespace, name), String.class, text);
        element.setNil(text == null);
        return element;
    }

    @SuppressWarnings("unchecked")
    static List<Object> list(Object bean, String name) throws Exception {
        return (List<Object>) get(bean, name);
    }

    static Object get(Object bean, String name) throws Exception {
        for (Method method : bean.getClass().getMethods())
            if (method.getName().equalsIgnoreCase("get" + name)) return method.invoke(bean);
        return null;
    }

    static Class<?> itemType(Class<?> bean, String name) throws Exception {
        Type type = bean.getDeclaredField(name).getGenericType();
        return (Class<?>) ((ParameterizedType) type).getActualTypeArguments()[0];
    }

    static String line(Object sample) throws Exception {
        List<String> parts = new ArrayList<>();
        for (String name : List.of("text", "price", "taken", "note")) add(parts, name, get(sample, name));
        for (Object panel : list(sample, "panel")) {
            add(parts, "panel", get(panel, "code"));
            for (Object value : list(panel, "value")) add(parts, "panel.value", value);
        }
        add(parts, "image", get(sample, "image"));
        return String.join("\t", parts);
    }

    static void add(List<String> parts, String name, Object value) {
        if (value instanceof JAXBElement<?> element) {
            if (element.isNil()) parts.add(name + ".nil=");
            else add(parts, name, element.getValue());
        } else if (value instanceof byte[] bytes) {
            parts.add(name + "=" + Base64.getEncoder().encodeToString(bytes));
        } else if (value != null) {
            parts.add(name + "=" + value);
        }
    }

    static String bySaaj(String way, List<String> fields) throws Exception {
        String version = way.equals("soap12") ? SOAPConstants.SOAP_1_2_PROTOCOL : SOAPConstants.SOAP_1_1_PROTOCOL;
        SOAPMessage message = MessageFactory.newInstance(version).createMessage();
        String login = System.getenv("WARD_USER") + ":" + System.getenv("WARD_PASSWORD");
        String token = Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8));
        message.getMimeHeaders().setHeader("Authorization", "Basic " + token);
        if (ACTIONS.containsKey(way)) message.getMimeHeaders().setHeader("SOAPAction", '"' + ACTIONS.get(way) + '"');
        if (way.equals("utf-16") || way.equals("gb18030")) {
            message.setProperty(SOAPMessage.CHARACTER_SET_ENCODING, way);
            message.setProperty(SOAPMessage.WRITE_XML_DECLARATION, "true");
        }
        if (!way.equals("empty-body")) {
            SOAPElement echo = message.getSOAPBody().addChildElement("Echo", "l", namespace);
            SOAPElement sample = echo.addChildElement("sample", "l");
            for (String field : fields)
                sample.addChildElement(field.substring(0, field.indexOf('=')), "l").addTextNode(field.substring(field.indexOf('=') + 1));
        }
        Object address = ((BindingProvider) port).getRequestContext().get(BindingProvider.ENDPOINT_ADDRESS_PROPERTY);
        SOAPMessage reply = SOAPConnectionFactory.newInstance().createConnection().call(message, address);
        if (reply.getSOAPBody().hasFault()) throw new SOAPFaultException(reply.getSOAPBody().getFault());
        return "text=" + reply.getSOAPBody().getElementsByTagNameNS(namespace, "text").item(0).getTextContent();
    }
}
