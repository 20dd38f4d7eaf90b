package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// CPUTime implements lab.Stack: the engine reads the container's cgroup.
func (s *Stack) CPUTime(ctx context.Context, service string) (time.Duration, error) {
	id, err := s.containerID(ctx, service)
	if err != nil {
		return 0, err
	}
	fail := func(err error) (time.Duration, error) {
		return 0, fmt.Errorf("read the processor time of %s: %w", service, err)
	}
	res, err := s.engine.cli.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	var stats container.StatsResponse
	if err := json.NewDecoder(res.Body).Decode(&stats); err != nil {
		return fail(err)
	}
	if stats.CPUStats.CPUUsage.TotalUsage == 0 { // not even its own start
		return fail(errors.New("the engine knows none; does it run?"))
	}
	return time.Duration(stats.CPUStats.CPUUsage.TotalUsage), nil
}

// limits are the kernel's own words on what a container may use, from its
// cgroup; -1 is no limit. What `docker inspect` says is only what was asked for.
type limits struct {
	cpuQuota  int64 // microseconds of processor time a period
	cpuPeriod int64 // microseconds
	throttled int64 // periods in which it was held back
	memory    int64 // bytes
	used      int64 // bytes, with the page cache
	hits      int64 // how often the memory limit was met
}

// limitsScript prints the limits, as version 1 or 2 of the kernel's cgroups has
// them, as the container's own view of its cgroup.
const limitsScript = `
set -eu
cd /proc/1/root/sys/fs/cgroup
if [ -f cgroup.controllers ]; then
	read -r quota period < cpu.max
	echo quota "$quota"; echo period "$period"
	sed -n 's/^nr_throttled/throttled/p' cpu.stat
	echo memory "$(cat memory.max)"; echo used "$(cat memory.current)"
	sed -n 's/^max/hits/p' memory.events
else
	echo quota "$(cat cpu/cpu.cfs_quota_us)"; echo period "$(cat cpu/cpu.cfs_period_us)"
	sed -n 's/^nr_throttled/throttled/p' cpu/cpu.stat
	echo memory "$(cat memory/memory.limit_in_bytes)"; echo used "$(cat memory/memory.usage_in_bytes)"
	echo hits "$(cat memory/memory.failcnt)"
fi`

// unlimitedV1 is where version 1 of the cgroups begins to mean "no limit".
const unlimitedV1 = 1 << 60

// limits asks the kernel; the container must run.
func (o *op) limits(ctx context.Context) (limits, error) {
	c, err := o.container(ctx)
	if err != nil {
		return limits{}, err
	}
	out, err := o.run(ctx, helper{fault: o.wound.ID, pid: c.ID, caps: []string{"SYS_PTRACE"}, script: limitsScript})
	if err != nil {
		return limits{}, fmt.Errorf("read the limits of %s: %w", o.spec.Service, err)
	}
	return parseLimits(out)
}

func parseLimits(out string) (limits, error) {
	var l limits
	to := map[string]*int64{
		"quota": &l.cpuQuota, "period": &l.cpuPeriod, "throttled": &l.throttled,
		"memory": &l.memory, "used": &l.used, "hits": &l.hits,
	}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 2 || to[f[0]] == nil {
			continue
		}
		if f[1] == "max" {
			f[1] = "-1"
		}
		v, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			return l, fmt.Errorf("read the limits: %w", err)
		}
		if v >= unlimitedV1 {
			v = -1
		}
		*to[f[0]] = v
		delete(to, f[0])
	}
	if len(to) > 0 {
		return l, fmt.Errorf("read the limits: no %s in %q", strings.Join(sortedKeys(to), ", "), out)
	}
	return l, nil
}
