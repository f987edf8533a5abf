import static org.testng.Assert.assertEquals;

import org.testng.IRetryAnalyzer;
import org.testng.ITestResult;
import org.testng.SkipException;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class ShopTest {
    public static class Twice implements IRetryAnalyzer {
        private int count;

        @Override
        public boolean retry(ITestResult result) {
            return count++ < 1;
        }
    }

    private static int runs;

    @Test(description = "[48271]")
    public void passes() {}

    @Test(description = "[48272]")
    public void fails() {
        assertEquals(1, 2);
    }

    @Test(description = "[48273]")
    public void skips() {
        throw new SkipException("no printer");
    }

    @Test(enabled = false)
    public void disabled() {}

    @Test(description = "[48274]", dependsOnMethods = "fails")
    public void depends() {}

    @Test(description = "[48275]", retryAnalyzer = Twice.class)
    public void passesAtLast() {
        assertEquals(++runs, 2);
    }

    @Test(description = "[48276]", retryAnalyzer = Twice.class)
    public void neverPasses() {
        assertEquals(1, 2);
    }

    @DataProvider
    public Object[][] values() {
        return new Object[][] {{1}, {2}};
    }

    @Test(description = "[48277]", dataProvider = "values")
    public void areOne(int value) {
        assertEquals(value, 1);
    }

    @DataProvider
    public Object[][] broken() {
        throw new IllegalStateException("no data");
    }

    @Test(description = "[48278]", dataProvider = "broken")
    public void hasNoData(int value) {}

    @Test(description = "[48279]", invocationCount = 4, successPercentage = 50)
    public void mayFail() {
        assertEquals(++runs % 2, 0);
    }

    @Test(description = "[48280]", expectedExceptions = IllegalStateException.class)
    public void throwsNothing() {}
}
