package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// flow is a connection, or a first datagram, from who began it to where the translation of Services led it.
type flow struct {
	at       time.Time
	protocol corev1.Protocol
	from, to netip.Addr
	port     int32
}

// began is the event of a flow that begins: when, its protocol, who asked, and who answers by which port. A connection of TCP that
// conntrack meets halfway may be the wrong way round, so it has to begin with SYN.
var began = regexp.MustCompile(`^\[(\d+)\.\d+\]\s+\[NEW\]\s+(?:(tcp)\s+6\s+\d+\s+SYN_SENT|(udp)\s+17\s+\d+)` +
	` src=(\S+) dst=\S+ sport=\d+ dport=\d+ (?:\[UNREPLIED\] )?src=(\S+) dst=\S+ sport=(\d+) dport=\d+`)

// parseFlow is false for what is no beginning.
func parseFlow(line string) (flow, bool, error) {
	said := began.FindStringSubmatch(line)
	if said == nil {
		return flow{}, false, nil
	}
	seconds, err := strconv.ParseInt(said[1], 10, 64)
	if err != nil {
		return flow{}, false, err
	}
	port, err := strconv.ParseInt(said[6], 10, 32)
	if err != nil {
		return flow{}, false, err
	}
	from, err := netip.ParseAddr(said[4])
	if err != nil {
		return flow{}, false, err
	}
	to, err := netip.ParseAddr(said[5])
	if err != nil {
		return flow{}, false, err
	}
	protocol := corev1.ProtocolTCP
	if said[3] != "" {
		protocol = corev1.ProtocolUDP
	}
	return flow{time.Unix(seconds, 0), protocol, from, to, int32(port)}, true, nil
}

// eachFlow gives what one node saw begin.
func eachFlow(path string, take func(flow)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		one, ok, err := parseFlow(lines.Text())
		if err != nil {
			return fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
		}
		if ok {
			take(one)
		}
	}
	return lines.Err()
}
