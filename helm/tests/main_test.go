package tests

import (
	"log/slog"
	"os"
	"testing"
)

// Helm tells of the links to the rules each time it loads the chart.
func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	os.Exit(m.Run())
}
