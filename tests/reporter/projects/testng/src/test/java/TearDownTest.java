import org.testng.annotations.AfterMethod;
import org.testng.annotations.Test;

/** The tear-down fails: the test has passed, and TestNG skips the next one. */
public class TearDownTest {
    @AfterMethod
    public void disconnect() {
        throw new IllegalStateException("no server");
    }

    @Test(description = "[48284]")
    public void four() {}

    @Test(description = "[48285]")
    public void five() {}
}
