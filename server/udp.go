package server

import (
	"net"

	"github.com/prometheus/client_golang/prometheus"
)

// udpCollector tells of the server's UDP socket where the system does.
type udpCollector struct{ socket net.Conn }

var (
	udpDroppedDesc = describe("udp_receive_drops_total",
		"Datagrams that found the UDP socket's receive buffer full: the process did not keep up. Linux only.")
	udpQueuedDesc = describe("udp_receive_queue_bytes", "What waits in the UDP socket's receive buffer. Linux only.")
	udpBufferDesc = describe("udp_buffer_bytes", "Size of the UDP socket's buffers as the system granted it. Linux only.", "direction")
)

// Describe implements prometheus.Collector.
func (udpCollector) Describe(to chan<- *prometheus.Desc) {
	to <- udpDroppedDesc
	to <- udpQueuedDesc
	to <- udpBufferDesc
}

// Collect implements prometheus.Collector.
func (c udpCollector) Collect(to chan<- prometheus.Metric) {
	stats, err := udpStatsOf(c.socket)
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(udpDroppedDesc, prometheus.CounterValue, float64(stats.dropped))
	to <- prometheus.MustNewConstMetric(udpQueuedDesc, prometheus.GaugeValue, float64(stats.queued))
	to <- prometheus.MustNewConstMetric(udpBufferDesc, prometheus.GaugeValue, float64(stats.receiveBuffer), "receive")
	to <- prometheus.MustNewConstMetric(udpBufferDesc, prometheus.GaugeValue, float64(stats.sendBuffer), "send")
}
