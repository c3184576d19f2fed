import java.nio.file.*;
import java.util.*;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.*;
import org.elasticsearch.plugins.PluginsLoader;

/** The same for Elasticsearch 8 and 9, which load modules from folders. */
public class Engine {
    public static void main(String[] args) {
        try {
            Class<?> logging = Class.forName("org.elasticsearch.common.logging.LogConfigurator");
            for (String method : List.of("configureESLogging", "setNodeName")) {
                try {
                    if (method.equals("setNodeName")) logging.getMethod(method, String.class).invoke(null, "engine-0");
                    else logging.getMethod(method).invoke(null);
                } catch (NoSuchMethodException e) { /* not in this version */ }
            }
            Path home = Paths.get(System.getProperty("engine.home")).toAbsolutePath();
            Map<String, String> extra = new HashMap<>();
            for (String a : args) extra.put(a.substring(0, a.indexOf('=')), a.substring(a.indexOf('=') + 1));
            Settings base = Settings.builder().put("path.home", home.toString()).build();
            Environment environment = InternalSettingsPreparer.prepareEnvironment(base, extra, home.resolve("config"), () -> "engine");
            PluginsLoader plugins = PluginsLoader.createPluginsLoader(PluginsLoader.loadModulesBundles(home.resolve("modules")),
                PluginsLoader.loadPluginsBundles(home.resolve("plugins")), Map.of(), false);
            Node node = new Node(environment, plugins);
            node.start();
            int port = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
            System.out.println("ENGINE READY " + port);
            while (System.in.read() >= 0) { }
        } catch (Throwable t) {
            t.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
        Runtime.getRuntime().halt(0);
    }
}
