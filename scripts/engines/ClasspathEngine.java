import java.nio.file.*;
import java.util.*;
import GROUP.common.settings.Settings;
import GROUP.env.Environment;
import GROUP.http.HttpServerTransport;
import GROUP.node.*;
import GROUP.plugins.Plugin;

/**
 * Starts one real node of Elasticsearch 6 and 7 or OpenSearch 1, with its modules as plugins of the class path. The arguments are
 * settings, key=value. As in ../engine/Engine.java, it prints "ENGINE READY port" and ends when standard input ends.
 */
public class Engine {
    static class Classpath extends Node {
        Classpath(Environment environment, Collection<Class<? extends Plugin>> plugins) { super(environment, plugins, false); }
        protected void registerDerivedNodeNameWithLogger(String name) {}
    }

    public static void main(String[] args) {
        try {
            Path home = Paths.get(System.getProperty("engine.home")).toAbsolutePath();
            Map<String, String> extra = new HashMap<>();
            for (String a : args) extra.put(a.substring(0, a.indexOf('=')), a.substring(a.indexOf('=') + 1));
            Settings base = Settings.builder().put("path.home", home.toString()).build();
            List<Class<? extends Plugin>> plugins = new ArrayList<>();
            for (String name : System.getProperty("engine.plugins").split(",")) plugins.add(Class.forName(name).asSubclass(Plugin.class));
            Node node = new Classpath(InternalSettingsPreparer.prepareEnvironment(PREPARE), plugins);
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
