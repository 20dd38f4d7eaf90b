package lab

import (
	"context"
	"runtime"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"
)

// ThisMachine describes the machine that the lab runs on. What cannot be read
// stays empty: a report without the CPU's name is still a report.
func ThisMachine(ctx context.Context) Machine {
	m := Machine{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if h, err := host.InfoWithContext(ctx); err == nil {
		m.OS = h.Platform + " " + h.PlatformVersion + " (" + m.OS + ")"
		m.Kernel = h.KernelVersion
	}
	if c, err := cpu.InfoWithContext(ctx); err == nil && len(c) > 0 {
		m.CPU = c[0].ModelName
	}
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		m.MemoryMB = int64(v.Total >> 20)
	}
	return m
}
