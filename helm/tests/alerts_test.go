package tests

import (
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

type rules struct {
	Groups []struct {
		Rules []struct {
			Alert       string            `json:"alert"`
			Annotations map[string]string `json:"annotations"`
		} `json:"rules"`
	} `json:"groups"`
}

type ruleTests struct {
	Tests []struct {
		Alerts []struct {
			Alert    string           `json:"alertname"`
			Expected []map[string]any `json:"exp_alerts"`
		} `json:"alert_rule_test"`
	} `json:"tests"`
}

// parse reads a YAML file of the repository.
func parse(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, "../../"+path)), into); err != nil {
		t.Fatal(path, err)
	}
}

// alerts are the annotations of each alert.
func alerts(t *testing.T) map[string]map[string]string {
	var file rules
	parse(t, "deploy/prometheus/rules.yml", &file)
	all := map[string]map[string]string{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				all[rule.Alert] = rule.Annotations
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("there are none")
	}
	return all
}

// promtool runs these tests; that there are enough of them is seen here.
func TestEachAlertFiresInOneTestAndNotInAnother(t *testing.T) {
	var file ruleTests
	parse(t, "deploy/prometheus/rules.test.yml", &file)
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, one := range test.Alerts {
			fires[one.Alert] = fires[one.Alert] || len(one.Expected) > 0
			rests[one.Alert] = rests[one.Alert] || len(one.Expected) == 0
		}
	}
	for alert := range alerts(t) {
		if !fires[alert] || !rests[alert] {
			t.Errorf("%s fires: %t, rests: %t", alert, fires[alert], rests[alert])
		}
	}
}

func TestEachAlertLinksItsRunbook(t *testing.T) {
	sections := map[string]string{}
	for _, section := range strings.Split(readFile(t, "../../docs/runbooks.md"), "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		sections[title] = body
	}
	parts := regexp.MustCompile(`(?s)\*\*Meaning\.\*\* \S.*\*\*Look\.\*\* \S.*\*\*Mend\.\*\* \S`)
	all := alerts(t)
	for alert, annotations := range all {
		if annotations["runbook_url"] != "docs/runbooks.md#"+strings.ToLower(alert) {
			t.Errorf("%s links %q", alert, annotations["runbook_url"])
		}
		if !parts.MatchString(sections[alert]) {
			t.Errorf("%s has no section, or one without meaning, look and mend", alert)
		}
	}
	for title := range sections {
		if all[title] == nil {
			t.Errorf("no alert is called %s", title)
		}
	}
}

func TestTheChartSaysWhereRunbooksAreRead(t *testing.T) {
	set := external + "metrics: {prometheusRule: {enabled: true, runbooks: 'https://wiki.example/runbooks'}}"
	made, _ := yaml.Marshal(find(t, manifests(t, read(t, set), false), "PrometheusRule", "talk-confab"))
	if found := strings.Count(string(made), "runbook_url: https://wiki.example/runbooks#confab"); found != len(alerts(t)) {
		t.Errorf("%d links lead there", found)
	}
}
