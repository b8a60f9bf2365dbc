package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const policies = `
items:
  - {kind: Namespace, metadata: {name: chat}}
  - {kind: Namespace, metadata: {name: watch, labels: {role: monitoring}}}
  - kind: NetworkPolicy
    metadata: {name: elsewhere, namespace: watch}
    spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
  - kind: NetworkPolicy
    metadata: {name: programs, namespace: chat}
    spec:
      podSelector: {matchLabels: {app: program}}
      policyTypes: [Ingress, Egress]
      ingress:
        - ports: [{port: ops}]
          from: [{namespaceSelector: {matchLabels: {role: monitoring}}}, {podSelector: {matchLabels: {app: friend}}}]
      egress:
        - ports: [{port: 53, protocol: UDP}]
        - ports: [{port: 5432}, {port: 7000, endPort: 7009}]
          to: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}]
`

// pod is one that came at a second of the first minute.
func pod(namespace, app, address, second string) string {
	return `{"metadata": {"namespace": "` + namespace + `", "name": "x", "uid": "` + app + second + `", "labels": {"app": "` + app + `"}},
		"spec": {"containers": [{"name": "x", "ports": [{"name": "ops", "containerPort": 9100, "protocol": "TCP"}]}]},
		"status": {"podIP": "` + address + `", "hostIP": "10.0.0.1", "startTime": "1970-01-01T00:00:` + second + `Z"}}`
}

func clusterOf(t *testing.T, pods ...string) *cluster {
	t.Helper()
	list, err := yaml.YAMLToJSON([]byte(policies))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, folder, "policies", string(list))
	write(t, folder, "pods", strings.Join(pods, "\n")+`{"metadata": {"na`)
	found, err := readCluster(filepath.Join(folder, "pods"), filepath.Join(folder, "policies"), "chat")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tcp is the line of a connection that begins at second 30, by a Service, to this port.
func tcp(from, to, port string) string {
	return "[30.500000]\t    [NEW] tcp      6 120 SYN_SENT src=" + from + " dst=10.96.0.1 sport=40000 dport=80 [UNREPLIED] src=" + to +
		" dst=" + from + " sport=" + port + " dport=40000"
}

func judge(t *testing.T, c *cluster, lines ...string) findings {
	t.Helper()
	found, err := c.judge([]string{write(t, t.TempDir(), "log", strings.Join(lines, "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const program, friend, stranger, watcher = "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"

func everybody() []string {
	return []string{pod("chat", "program", program, "10"), pod("chat", "friend", friend, "10"), pod("chat", "stranger", stranger, "10"),
		pod("watch", "watcher", watcher, "10")}
}

func TestWhatARuleAllowsPassesAndNothingElse(t *testing.T) {
	for line, allowed := range map[string]bool{
		tcp(watcher, program, "9100"):       true,
		tcp(friend, program, "9100"):        true,
		tcp(friend, program, "9101"):        false,
		tcp(stranger, program, "9100"):      false,
		tcp("10.0.0.9", program, "9100"):    false,
		tcp(program, "192.0.2.1", "5432"):   true,
		tcp(program, "192.0.2.1", "7009"):   true,
		tcp(program, "192.0.2.1", "7010"):   false,
		tcp(program, "192.0.2.1", "53"):     false,
		tcp(program, "192.0.2.129", "5432"): false,
		tcp(friend, "192.0.2.1", "5432"):    true, // no policy is for it
	} {
		found := judge(t, clusterOf(t, everybody()...), line)
		if (len(found.denied) == 0) != allowed {
			t.Errorf("%s: %v", line, found)
		}
	}
}

func TestDatagramsAreJudgedByTheirFirst(t *testing.T) {
	line := "[30.500000]\t    [NEW] udp      17 30 src=" + program + " dst=10.96.0.10 sport=5000 dport=53 [UNREPLIED] src=10.1.1.7 dst=" + program +
		" sport=53 dport=5000"
	found := judge(t, clusterOf(t, everybody()...), line)
	if found.allowed["chat/program -> 10.1.1.7 53/UDP (Egress)"] != 1 {
		t.Error(found)
	}
}

// What the kubelet asks, and what conntrack met halfway, is passed over: no flow is left, which is an error.
func TestANodeMayReachItsOwnPodsAndAnswersAreNoBeginnings(t *testing.T) {
	halfway := strings.Replace(tcp(program, stranger, "80"), "SYN_SENT", "ESTABLISHED", 1)
	for _, line := range []string{tcp("10.0.0.1", program, "9100"), tcp("10.1.0.1", program, "9100"), halfway, "nonsense"} {
		if found, err := clusterOf(t, everybody()...).judge([]string{write(t, t.TempDir(), "log", line)}); err == nil {
			t.Errorf("%s: %v", line, found)
		}
	}
}

func TestAnAddressIsOfThePodThatHadItThen(t *testing.T) {
	later, earlier := pod("chat", "stranger", program, "40"), pod("chat", "friend", program, "05")
	c := clusterOf(t, later, pod("chat", "program", program, "10"), earlier)
	if found := judge(t, c, tcp(watcher, program, "9100")); found.denied["10.1.0.5 -> chat/program 9100/TCP (Ingress)"] != 1 {
		t.Error(found)
	}
}

func TestARuleIsNeededOrExcused(t *testing.T) {
	c := clusterOf(t, everybody()...)
	judge(t, c, tcp(watcher, program, "9100"), tcp(program, "192.0.2.1", "5432"), tcp(program, "192.0.2.1", "7001"))
	excused, err := readUnseen(write(t, t.TempDir(), "unseen", `programs Egress 53/UDP anybody: nobody asks here
programs Egress 5432/TCP 192.0.2.0/24: an excuse too many
programs Egress 54/TCP anybody: of a rule that is none
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"no flow needed the rule programs Ingress ops/TCP pod app=friend",
		"it was needed after all: the rule programs Egress 5432/TCP 192.0.2.0/24",
		"there is no such rule: programs Egress 54/TCP anybody",
	}
	if have := c.unneeded(excused); !slices.Equal(have, want) {
		t.Error(have)
	}
	if _, err := readUnseen(write(t, t.TempDir(), "unseen", "programs Egress 53/UDP anybody\n")); err == nil {
		t.Error("an excuse without a reason")
	}
}
