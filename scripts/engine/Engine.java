import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;

/**
 * Starts one real OpenSearch node from a home directory; args are settings, key=value. Prints "ENGINE READY port" once
 * it listens (the port is the kernel's choice, http.port=0), and ends when its standard input does: whoever started it
 * holds the other end of that pipe, so the node cannot outlive a test process, not even one that was killed.
 */
public class Engine {
    public static void main(String[] args) {
        try {
            Path home = Paths.get(System.getProperty("engine.home")).toAbsolutePath();
            Map<String, String> extra = new HashMap<>();
            for (String a : args) extra.put(a.substring(0, a.indexOf('=')), a.substring(a.indexOf('=') + 1));
            Settings base = Settings.builder().put("path.home", home.toString()).build();
            Node node = new Node(InternalSettingsPreparer.prepareEnvironment(base, extra, home.resolve("config"), () -> "engine"));
            node.start();
            int port = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
            System.out.println("ENGINE READY " + port);
            while (System.in.read() >= 0) { }
        } catch (Throwable t) {
            t.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
        // Nothing to close in order: the data directory is thrown away.
        Runtime.getRuntime().halt(0);
    }
}
