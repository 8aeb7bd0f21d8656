// .NET's own SOAP client over the proxy that Mono's wsdl made from the bus's WSDL. @Proxy@ is that class.
using System;
using System.Collections;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Reflection;
using System.Text;
using System.Web.Services.Protocols;
using System.Xml;

class Port : @Proxy@ {
    public string Way = "";
    protected override WebRequest GetWebRequest(Uri address) {
        var request = (HttpWebRequest) base.GetWebRequest(address);
        request.ServicePoint.Expect100Continue = Way == "expect";
        request.SendChunked = Way == "chunked";
        return request;
    }
}

static class Client {
    static readonly string[] Names = {"text", "price", "taken", "note", "panel", "image"};

    static Uri Address;

    static void Main(string[] arguments) {
        Console.InputEncoding = Console.OutputEncoding = new UTF8Encoding(false);
        Address = new Uri(arguments[0]);
        Console.WriteLine("import\tanswer");
        for (string order; (order = Console.ReadLine()) != null;) {
            var parts = order.Split('\t');
            try {
                Console.WriteLine(parts[0] + "\tanswer\t" + Send(parts[1], parts[2], parts.Skip(3).ToArray()));
            } catch (TargetInvocationException thrown) when (thrown.InnerException is SoapException) {
                var fault = (SoapException) thrown.InnerException;
                Console.WriteLine(parts[0] + "\tfault\t" + fault.Code.Name + "\t" + fault.Message.Replace('\n', ' '));
            } catch (Exception error) {
                Console.WriteLine(parts[0] + "\terror\t" + error.ToString().Replace('\n', ' '));
            }
        }
    }

    static string Send(string way, string operation, string[] fields) {
        var port = new Port {Way = way, PreAuthenticate = true};
        port.Url = new Uri(Address, new Uri(port.Url).AbsolutePath).ToString();
        port.Credentials = new NetworkCredential(
            Environment.GetEnvironmentVariable("WARD_USER"), Environment.GetEnvironmentVariable("WARD_PASSWORD"));
        if (way == "soap12") port.SoapVersion = SoapProtocolVersion.Soap12;
        if (way == "utf-16") port.RequestEncoding = Encoding.Unicode;
        if (way == "gb18030") port.RequestEncoding = Encoding.GetEncoding("gb18030");
        if (way == "bom") port.RequestEncoding = new UTF8Encoding(true);
        var method = typeof(@Proxy@).GetMethod(operation);
        if (operation == "Refuse") return "" + method.Invoke(port, new object[] {fields[0].Substring(5)});
        var sample = Sample(method.GetParameters()[0].ParameterType, fields);
        return Line(method.Invoke(port, new[] {sample}));
    }

    static object Sample(Type type, string[] fields) {
        var made = Activator.CreateInstance(type);
        var item = type.GetField("panel") != null ? type.GetField("panel").FieldType : type.GetProperty("panel").PropertyType;
        var panels = new ArrayList();
        ArrayList values = null;
        foreach (var field in fields) {
            var name = field.Substring(0, field.IndexOf('='));
            var text = field.Substring(field.IndexOf('=') + 1);
            if (name == "panel") {
                values = new ArrayList();
                panels.Add(Activator.CreateInstance(item.GetElementType()));
                Set(panels[panels.Count - 1], "code", text);
            } else if (name == "panel.value") {
                values.Add(text);
                Set(panels[panels.Count - 1], "value", values);
            } else if (name != "note.nil") {
                Set(made, name, text);
            }
        }
        if (panels.Count > 0) Set(made, "panel", panels);
        return made;
    }

    static void Set(object made, string name, object value) {
        var property = made.GetType().GetProperty(name);
        property.SetValue(made, Value(property.PropertyType, value));
        var specified = made.GetType().GetProperty(name + "Specified");
        if (specified != null) specified.SetValue(made, true);
    }

    static object Value(Type type, object value) {
        var list = value as ArrayList;
        if (list != null) {
            var array = Array.CreateInstance(type.GetElementType(), list.Count);
            for (var at = 0; at < list.Count; at++) array.SetValue(Value(type.GetElementType(), list[at]), at);
            return array;
        }
        var text = value as string;
        if (text == null) return value;
        if (type == typeof(decimal)) return decimal.Parse(text, CultureInfo.InvariantCulture);
        if (type == typeof(DateTime)) return XmlConvert.ToDateTime(text, XmlDateTimeSerializationMode.RoundtripKind);
        return type == typeof(byte[]) ? Convert.FromBase64String(text) : (object) text;
    }

    static string Line(object sample) {
        var parts = new System.Collections.Generic.List<string>();
        foreach (var name in Names) {
            var value = sample.GetType().GetProperty(name).GetValue(sample);
            var specified = sample.GetType().GetProperty(name + "Specified");
            if (value == null || specified != null && !(bool) specified.GetValue(sample)) continue;
            if (name != "panel") {
                parts.Add(name + "=" + Text(value));
                continue;
            }
            foreach (var panel in (Array) value) {
                parts.Add("panel=" + panel.GetType().GetProperty("code").GetValue(panel));
                var values = (Array) panel.GetType().GetProperty("value").GetValue(panel);
                if (values != null) parts.AddRange(values.Cast<object>().Select(each => "panel.value=" + Text(each)));
            }
        }
        return string.Join("\t", parts);
    }

    static string Text(object value) {
        if (value is DateTime) return XmlConvert.ToString((DateTime) value, XmlDateTimeSerializationMode.RoundtripKind);
        if (value is byte[]) return Convert.ToBase64String((byte[]) value);
        return Convert.ToString(value, CultureInfo.InvariantCulture);
    }
}
