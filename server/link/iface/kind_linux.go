package iface

import (
	"os"
	"strings"
)

// sys is a file of the kernel about an interface. Names of interfaces have no slashes.
func sys(name, file string) string { return "/sys/class/net/" + name + "/" + file }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// physical tells whether there is a device behind an interface.
func physical(name string) bool {
	return exists(sys(name, "device")) || strings.HasPrefix(name, "ppp") // dialled over a modem, which is the device
}

// title names the kind of an interface where the kernel knows it.
func title(name string) string {
	kind := ""
	uevent, _ := os.ReadFile(sys(name, "uevent"))
	switch {
	case exists(sys(name, "phy80211")), exists(sys(name, "wireless")):
		kind = "Wi-Fi"
	case strings.Contains(string(uevent), "DEVTYPE=wwan"), strings.HasPrefix(name, "ppp"):
		kind = "Cellular"
	case exists(sys(name, "device")) && strings.TrimSpace(read(sys(name, "type"))) == "1": // ARPHRD_ETHER
		kind = "Ethernet"
	default:
		return name
	}
	return kind + " (" + name + ")"
}

func read(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}
