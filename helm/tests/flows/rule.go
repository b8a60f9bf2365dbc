package main

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// party is one end of a flow: an address, and the pod that had it, if any.
type party struct {
	address   netip.Addr
	pod       *corev1.Pod
	namespace labels.Set
}

// rule is the smallest part of a policy: one peer (none: anybody) by one port (none: any).
type rule struct {
	policy    *networkingv1.NetworkPolicy
	direction networkingv1.PolicyType
	peer      *networkingv1.NetworkPolicyPeer
	port      *networkingv1.NetworkPolicyPort
	seen      int
}

func rulesOf(policy *networkingv1.NetworkPolicy) []*rule {
	var found []*rule
	add := func(direction networkingv1.PolicyType, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
		for _, peer := range orNone(peers) {
			for _, port := range orNone(ports) {
				found = append(found, &rule{policy: policy, direction: direction, peer: peer, port: port})
			}
		}
	}
	for _, one := range policy.Spec.Ingress {
		add(networkingv1.PolicyTypeIngress, one.From, one.Ports)
	}
	for _, one := range policy.Spec.Egress {
		add(networkingv1.PolicyTypeEgress, one.To, one.Ports)
	}
	return found
}

// orNone is each of them, or nil alone where there is none: an empty list restricts nothing.
func orNone[T any](all []T) []*T {
	if len(all) == 0 {
		return []*T{nil}
	}
	found := make([]*T, len(all))
	for at := range all {
		found[at] = &all[at]
	}
	return found
}

// String is how the file of the unseen calls it.
func (r *rule) String() string {
	port, peer := "any port", "anybody"
	if r.port != nil {
		port = string(protocolOf(r.port))
		if r.port.Port != nil {
			port = r.port.Port.String() + "/" + port
		}
	}
	switch {
	case r.peer == nil:
	case r.peer.IPBlock != nil:
		peer = r.peer.IPBlock.CIDR
	default:
		peer = ""
		if r.peer.NamespaceSelector != nil {
			peer += "namespace " + metav1.FormatLabelSelector(r.peer.NamespaceSelector)
		}
		if r.peer.PodSelector != nil {
			peer += "pod " + metav1.FormatLabelSelector(r.peer.PodSelector)
		}
	}
	return fmt.Sprintf("%s %s %s %s", r.policy.Name, r.direction, port, peer)
}

func protocolOf(port *networkingv1.NetworkPolicyPort) corev1.Protocol {
	if port.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *port.Protocol
}

// matches is whether it allows other, the further end, by this port, which is one of the end that is called.
func (r *rule) matches(other, called party, protocol corev1.Protocol, number int32) bool {
	return r.matchesPort(called, protocol, number) && r.matchesPeer(other)
}

func (r *rule) matchesPort(called party, protocol corev1.Protocol, number int32) bool {
	if r.port == nil {
		return true
	}
	if protocol != protocolOf(r.port) {
		return false
	}
	port := r.port.Port
	switch {
	case port == nil:
		return true
	case port.Type == intstr.String:
		return called.pod != nil && hasPort(called.pod, port.StrVal, protocol, number)
	case r.port.EndPort != nil:
		return port.IntVal <= number && number <= *r.port.EndPort
	}
	return port.IntVal == number
}

func hasPort(pod *corev1.Pod, name string, protocol corev1.Protocol, number int32) bool {
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name && port.Protocol == protocol && port.ContainerPort == number {
				return true
			}
		}
	}
	return false
}

func (r *rule) matchesPeer(other party) bool {
	switch {
	case r.peer == nil:
		return true
	case r.peer.IPBlock != nil:
		return contains(r.peer.IPBlock, other.address)
	case other.pod == nil:
		return false
	case r.peer.NamespaceSelector == nil && other.pod.Namespace != r.policy.Namespace:
		return false
	}
	return selects(r.peer.NamespaceSelector, other.namespace) && selects(r.peer.PodSelector, other.pod.Labels)
}

func contains(block *networkingv1.IPBlock, address netip.Addr) bool {
	for _, except := range block.Except {
		if netip.MustParsePrefix(except).Contains(address) {
			return false
		}
	}
	return netip.MustParsePrefix(block.CIDR).Contains(address)
}

// selects is true for a selector that is not there: it restricts nothing.
func selects(selector *metav1.LabelSelector, set labels.Set) bool {
	if selector == nil {
		return true
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		panic(err) // the API server does not take such a selector
	}
	return parsed.Matches(set)
}
