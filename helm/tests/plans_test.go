package tests

import (
	"path/filepath"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
)

// What `loadtest plan` prints (docs/capacity.md) is taken by the chart as it is, and with what it leaves to switch on.
func TestPlansAreValues(t *testing.T) {
	version, err := common.ParseKubeVersion(kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("plans/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal("no plans", err)
	}
	for _, file := range files {
		set := read(t, readFile(t, file))
		set["existingSecret"] = "mine"
		for _, message := range lint.RunAll(chartFolder, set, "chat", lint.WithKubeVersion(version)).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", file, message)
			}
		}
		gateway := set["gateway"].(values)
		deployment := find(t, manifests(t, set, false), "Deployment", "talk-confab-gateway")
		if deployment.at("spec", "replicas") != gateway["replicas"] {
			t.Errorf("%s: %v gateways", file, deployment.at("spec", "replicas"))
		}

		gateway["autoscaling"].(values)["enabled"] = true
		set["stores"].(values)["mode"] = "cnpg"
		objects := manifests(t, set, false)
		if most := find(t, objects, "HorizontalPodAutoscaler", "talk-confab-gateway").at("spec", "maxReplicas"); most.(float64) <= gateway["replicas"].(float64) {
			t.Errorf("%s: at most %v gateways", file, most)
		}
		stores := set["stores"].(values)["cnpg"].(values)["storage"].(values)
		if size := find(t, objects, "Cluster", "talk-confab-postgres").at("spec", "storage", "size"); size != stores["size"] {
			t.Errorf("%s: %v of disk", file, size)
		}
	}
}
