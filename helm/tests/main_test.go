package tests

import (
	"log/slog"
	"os"
	"testing"
)

// Helm tells of the link to the alerts each time it loads the chart.
func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	os.Exit(m.Run())
}
