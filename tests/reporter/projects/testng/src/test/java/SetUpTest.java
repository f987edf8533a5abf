import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

/** The set-up of a method fails: TestNG skips the method and all later ones of the class. */
public class SetUpTest {
    @BeforeMethod
    public void connect() {
        throw new IllegalStateException("no database");
    }

    @AfterMethod
    public void disconnect() {}

    @Test(description = "[48281]")
    public void one() {}

    @Test(description = "[48282]")
    public void two() {}
}
