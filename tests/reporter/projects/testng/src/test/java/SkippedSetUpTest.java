import org.testng.SkipException;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

/** The set-up is skipped, and with it the tests. */
public class SkippedSetUpTest {
    @BeforeMethod
    public void connect() {
        throw new SkipException("not on this machine");
    }

    @Test(description = "[48283]")
    public void three() {}
}
