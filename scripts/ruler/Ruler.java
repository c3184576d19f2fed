import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;

/**
 * Decides with the library of EventBridge which events match a pattern.
 *
 * In: lines of a pattern and events, all JSON, separated by tabs. Out: for each line a line with 1 or 0 for every event. If the
 * library refuses the pattern or an event, the line is E and the reason.
 */
public class Ruler {
    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        String line;
        while ((line = in.readLine()) != null) {
            String[] parts = line.split("\t");
            try {
                Machine machine = new Machine();
                machine.addRule("rule", parts[0]);
                StringBuilder answer = new StringBuilder();
                for (int event = 1; event < parts.length; event++) {
                    answer.append(machine.rulesForJSONEvent(parts[event]).isEmpty() ? '0' : '1');
                }
                out.println(answer);
            } catch (Exception | StackOverflowError error) {
                out.println("E " + String.valueOf(error.getMessage()).replace('\n', ' '));
            }
        }
        out.flush();
    }
}
