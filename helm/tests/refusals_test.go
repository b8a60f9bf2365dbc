package tests

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

const (
	key      = "0123456789abcdef0123456789abcdef"
	external = "existingSecret: mine\n"
	trial    = "stores: {mode: trial}\nsecret: {clusterKey: " + key + "}\n"
)

// What is refused, and the sentence that says so.
var refusals = map[string]struct{ set, says string }{
	"an unknown key":              {external + "gatway: {}", "additional properties 'gatway' not allowed"},
	"an unknown setting":          {external + "gateway: {config: {CONFAB_MAX_CONECTIONS: 5}}", "additional properties 'CONFAB_MAX_CONECTIONS' not allowed"},
	"a setting of the chart":      {external + "gateway: {config: {CONFAB_LISTEN: 'localhost:1'}}", "additional properties 'CONFAB_LISTEN' not allowed"},
	"a digest that is none":       {external + "gateway: {image: {digest: latest}}", "'latest' does not match pattern"},
	"an unknown store":            {external + "stores: {mode: sqlite}", "value must be one of 'external', 'cnpg', 'trial'"},
	"two that scale":              {external + "gateway: {autoscaling: {enabled: true}, keda: {enabled: true, prometheusAddress: 'http://p'}}", "would both scale the gateways: enable one"},
	"KEDA without Prometheus":     {external + "gateway: {keda: {enabled: true}}", "set gateway.keda.prometheusAddress"},
	"two secrets":                 {external + "secret: {redisUrl: 'redis://r'}", "either existingSecret or the values of secret, not both"},
	"a budget of 0":               {external + "gateway: {podDisruptionBudget: {maxUnavailable: 0}}", "no node could be drained: gateway.podDisruptionBudget.maxUnavailable"},
	"a budget of 0 %":             {external + "worker: {podDisruptionBudget: {maxUnavailable: 0%}}", "no node could be drained: worker.podDisruptionBudget.maxUnavailable"},
	"a budget of words":           {external + "worker: {podDisruptionBudget: {maxUnavailable: half}}", "'half' does not match pattern"},
	"a trial that scales":         {trial + "gateway: {autoscaling: {enabled: true}}", "nothing scales on a trial's stores"},
	"a trial whose workers scale": {trial + "worker: {autoscaling: {enabled: true}}", "nothing scales on a trial's stores"},
	"a trial with a Secret":       {"stores: {mode: trial}\nexistingSecret: mine", "a trial makes its Secret itself"},
	"a trial with another store":  {"stores: {mode: trial}\nsecret: {clusterKey: " + key + ", redisUrl: 'redis://r'}", "a trial brings its stores"},
	"no key":                      {"", "there is no key of the cluster"},
	"a short key":                 {"secret: {clusterKey: short}", "secret.clusterKey is too short"},
	"a short second key":          {"secret: {clusterKey: '" + key + ",short'}", "secret.clusterKey is too short"},
	"no Redis":                    {"secret: {clusterKey: " + key + "}", "there is no Redis"},
	"no database":                 {"secret: {clusterKey: " + key + ", redisUrl: 'redis://r'}", "there is no database"},
	"two databases":               {"stores: {mode: cnpg}\nsecret: {clusterKey: " + key + ", redisUrl: 'redis://r', databaseUrl: 'postgres://p'}", "brings its database"},
	"a cluster of one":            {external + "stores: {mode: cnpg, cnpg: {instances: 1}}", "stores.cnpg.instances is at least 2"},
	"dumps of an operator's":      {"stores: {mode: cnpg}\nsecret: {clusterKey: " + key + ", redisUrl: 'redis://r'}\nbackup: {enabled: true}", "CloudNativePG makes its own backups"},
	"a recovery of one's own":     {external + "stores: {cnpg: {recovery: {serverName: old}}}", "stores.cnpg.recovery is of a database of CloudNativePG"},
	"a recovery of nothing":       {external + "stores: {mode: cnpg, cnpg: {recovery: {serverName: old}}}", "reads what stores.cnpg.backup.objectStore names"},
	"a moment of nobody":          {external + "stores: {mode: cnpg, cnpg: {recovery: {targetTime: '2026-11-23T03:00:00Z'}}}", "Set stores.cnpg.recovery.serverName"},
	"a recovery over its backups": {external + "stores: {mode: cnpg, cnpg: {backup: {objectStore: {destinationPath: s3://b}}, recovery: {serverName: talk-confab-postgres}}}", "set stores.cnpg.backup.serverName to a new name"},
	"an epoch while it runs":      {external + "restore: {newEpoch: true}", "restore.newEpoch needs restore.stopped"},
	"a dump without an epoch":     {external + "restore: {stopped: true, dump: x}", "restore.dump needs restore.newEpoch"},
	"a dump of nowhere":           {external + "restore: {stopped: true, newEpoch: true, dump: x}", "restore.dump is on the volume of backup"},
	"pushes of nobody":            {external + "push: {existingSecret: push}", "set push.contact to mailto: and an address"},
	"pushes without a key":        {external + "push: {contact: 'mailto:operator@example.com'}", "set push.existingSecret, or leave push.contact out"},
	"backups that are not kept":   {external + "backup: {enabled: true, keep: 0}", "backup.keep is at least 1"},
	"too many connections":        {external + "gateway: {config: {CONFAB_MAX_CONNECTIONS: 50000}}", "50000 connections do not fit into 1Gi: 16 KiB each, CONFAB_MEMORY_BYTES and 128 MiB are 1166 MiB"},
	"too much that waits":         {external + "gateway: {config: {CONFAB_MEMORY_BYTES: 2147483648}}", "20000 connections do not fit into 1Gi"},
	"too little memory":           {external + "gateway: {resources: {limits: {memory: 500M}}}", "20000 connections do not fit into 500M"},
	"an Ingress without names":    {external + "ingress: {enabled: true}", "set ingress.hosts"},
	"a route without a Gateway":   {external + "httpRoute: {enabled: true}", "set httpRoute.parentRefs"},
	"a way round the Ingress":     {external + "ingress: {enabled: true, hosts: [h]}\nservice: {type: NodePort}", "by a service.type of NodePort clients go round the proxy"},
	"a way round a proxy's own":   {external + "gateway: {config: {CONFAB_TRUSTED_PROXIES: 1}}\nservice: {type: NodePort}", "by a service.type of NodePort clients go round the proxy"},
	"a way round a balancer":      {external + "gateway: {config: {CONFAB_PROXY_PROTOCOL: true}}\nservice: {type: LoadBalancer}", "by a service.type of LoadBalancer clients go round the proxy"},
}

func TestWhatCannotBeRightIsRefused(t *testing.T) {
	for name, refusal := range refusals {
		_, err := render(read(t, refusal.set), false)
		if err == nil || !strings.Contains(err.Error(), refusal.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each sentence of checks.yaml is said by some refusal above: as many as there are.
func TestEveryCheckIsTried(t *testing.T) {
	sentences := map[string]bool{}
	for _, refusal := range refusals {
		if _, err := render(read(t, refusal.set), false); err != nil {
			if _, at, ok := strings.Cut(err.Error(), "confab/templates/checks.yaml:"); ok {
				line, _, _ := strings.Cut(at, ":")
				sentences[line] = true
			}
		}
	}
	text := readFile(t, chartFolder+"/templates/checks.yaml")
	var lines []string
	for number, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "fail ") && !sentences[itoa(number+1)] {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		t.Errorf("nothing tries these, tried are lines %v:\n%s", slices.Sorted(maps.Keys(sentences)), strings.Join(lines, "\n"))
	}
}
