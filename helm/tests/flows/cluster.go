package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// cluster is what policies speak of.
type cluster struct {
	namespace  string
	namespaces map[string]labels.Set
	pods       map[netip.Addr][]*corev1.Pod // by the address that each had
	policies   []*networkingv1.NetworkPolicy
	rules      []*rule
}

// findings are the flows that were seen, by who calls whom, and how often.
type findings struct {
	allowed, denied map[string]int
}

func readCluster(pods, policies, namespace string) (*cluster, error) {
	found := &cluster{namespace: namespace, namespaces: map[string]labels.Set{}, pods: map[netip.Addr][]*corev1.Pod{}}
	text, err := os.ReadFile(policies)
	if err != nil {
		return nil, err
	}
	if err := found.readPolicies(text); err != nil {
		return nil, fmt.Errorf("%s: %w", policies, err)
	}
	stream, err := os.Open(pods)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	if err := found.readPods(stream); err != nil {
		return nil, fmt.Errorf("%s: %w", pods, err)
	}
	return found, nil
}

func (c *cluster) readPolicies(text []byte) error {
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	for _, item := range list.Items {
		var kind metav1.PartialObjectMetadata
		if err := json.Unmarshal(item, &kind); err != nil {
			return err
		}
		if kind.Kind == "Namespace" {
			c.namespaces[kind.Name] = kind.Labels
			continue
		}
		var policy networkingv1.NetworkPolicy
		if err := json.Unmarshal(item, &policy); err != nil {
			return err
		}
		if policy.Namespace == c.namespace {
			c.policies = append(c.policies, &policy)
			c.rules = append(c.rules, rulesOf(&policy)...)
		}
	}
	if len(c.rules) == 0 {
		return fmt.Errorf("no policy is in %s", c.namespace)
	}
	return nil
}

// readPods takes each change of each pod; whoever writes them is ended in the middle of a word.
func (c *cluster) readPods(stream io.Reader) error {
	known := map[string]bool{}
	for decoder := json.NewDecoder(stream); ; {
		var pod corev1.Pod
		if err := decoder.Decode(&pod); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return err
		}
		if pod.Status.PodIP == "" || pod.Spec.HostNetwork || known[string(pod.UID)] {
			continue
		}
		known[string(pod.UID)] = true
		address, err := netip.ParseAddr(pod.Status.PodIP)
		if err != nil {
			return err
		}
		c.pods[address] = append(c.pods[address], &pod)
	}
}

// find is who had the address when the flow began: the one that had come last. Times are of full seconds.
func (c *cluster) find(address netip.Addr, one flow) party {
	found := party{address: address}
	for _, pod := range c.pods[address] {
		if pod.Status.StartTime.After(one.at) || found.pod != nil && found.pod.Status.StartTime.After(pod.Status.StartTime.Time) {
			continue
		}
		found.pod, found.namespace = pod, c.namespaces[pod.Namespace]
	}
	return found
}

func (c *cluster) judge(logs []string) (findings, error) {
	found := findings{map[string]int{}, map[string]int{}}
	for _, path := range logs {
		err := eachFlow(path, func(one flow) {
			from, to := c.find(one.from, one), c.find(one.to, one)
			for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeEgress, networkingv1.PolicyTypeIngress} {
				subject, other := from, to
				if direction == networkingv1.PolicyTypeIngress {
					subject, other = to, from
				}
				if subject.pod == nil || subject.pod.Namespace != c.namespace || isItsNode(subject.pod, other.address) {
					continue
				}
				counts := found.denied
				if c.allows(direction, subject, other, to, one) {
					counts = found.allowed
				}
				counts[fmt.Sprintf("%s -> %s %d/%s (%s)", c.call(from), c.call(to), one.port, one.protocol, direction)]++
			}
		})
		if err != nil {
			return found, err
		}
	}
	if len(found.allowed)+len(found.denied) == 0 {
		return found, errors.New("no flow was seen")
	}
	return found, nil
}

// allows is whether no policy restricts the pod in this direction, or some rule lets the flow pass. Each that does counts it.
func (c *cluster) allows(direction networkingv1.PolicyType, subject, other, called party, one flow) bool {
	restricts := func(policy *networkingv1.NetworkPolicy) bool {
		return slices.Contains(policy.Spec.PolicyTypes, direction) && selects(&policy.Spec.PodSelector, subject.pod.Labels)
	}
	allowed := !slices.ContainsFunc(c.policies, restricts)
	for _, rule := range c.rules {
		if rule.direction == direction && restricts(rule.policy) && rule.matches(other, called, one.protocol, one.port) {
			rule.seen++
			allowed = true
		}
	}
	return allowed
}

// isItsNode is whether the address is the one of the pod's own node, to which no policy applies: by its name in the cluster, or on
// the bridge of its pods, as deploy/kube/config/cni.json makes it, the first of their network.
func isItsNode(pod *corev1.Pod, address netip.Addr) bool {
	network, err := netip.MustParseAddr(pod.Status.PodIP).Prefix(24)
	return address.String() == pod.Status.HostIP || err == nil && address == network.Addr().Next()
}

func (c *cluster) call(one party) string {
	if one.pod == nil {
		return one.address.String()
	}
	for _, label := range []string{"app.kubernetes.io/component", "k8s-app", "app"} {
		if name := one.pod.Labels[label]; name != "" {
			return one.pod.Namespace + "/" + name
		}
	}
	return one.pod.Namespace + "/" + one.pod.Name
}

func (f findings) refused() []string {
	var lines []string
	for _, flow := range slices.Sorted(maps.Keys(f.denied)) {
		lines = append(lines, fmt.Sprintf("no policy allows %s, seen %d times", flow, f.denied[flow]))
	}
	return lines
}

// unneeded are the rules that neither a flow nor the file of the unseen speaks of, and the excuses for those that were needed.
func (c *cluster) unneeded(excused map[string]bool) []string {
	var lines []string
	left := maps.Clone(excused)
	for _, rule := range c.rules {
		name := rule.String()
		delete(left, name)
		if rule.seen == 0 && !excused[name] {
			lines = append(lines, "no flow needed the rule "+name)
		}
		if rule.seen > 0 && excused[name] {
			lines = append(lines, "it was needed after all: the rule "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		lines = append(lines, "there is no such rule: "+name)
	}
	return lines
}

func readUnseen(path string) (map[string]bool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, why, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if why == "" {
			return nil, fmt.Errorf("%s: %q has no reason", path, line)
		}
		found[name] = true
	}
	return found, nil
}
