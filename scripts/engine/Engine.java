import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;

/**
 * Starts one real OpenSearch node from a home directory. The arguments are settings, key=value. Prints "ENGINE READY port" when
 * it listens (with http.port=0 the kernel chooses the port). It ends when standard input ends. Standard input is a pipe from the
 * test process, so the node cannot outlive it, even if the test process is killed.
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
        // No orderly shutdown is needed: the data directory is deleted.
        Runtime.getRuntime().halt(0);
    }
}
