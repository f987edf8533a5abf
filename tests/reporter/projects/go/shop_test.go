package shop

import "testing"

func TestPasses(t *testing.T) {
	t.Run("[48271]", func(t *testing.T) {})
}

func TestFails(t *testing.T) {
	t.Run("[48272]", func(t *testing.T) { t.Error("expected 1, got 2") })
}

func TestSkipped(t *testing.T) { t.Skip("no printer") }

func TestParallel(t *testing.T) {
	for _, name := range []string{"one [48273]", "two [48273]"} {
		name := name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "two [48273]" {
				t.Fatal("no")
			}
		})
	}
}

func TestLast(t *testing.T) { panic("no database") }

func TestAfter(t *testing.T) {}
