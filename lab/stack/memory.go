package stack

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Memory reads how much memory each service's container uses now, in bytes, as
// `docker stats` counts it: without the page cache that the kernel would give
// back (inactive_file).
func (s *Stack) Memory(ctx context.Context) (map[string]uint64, error) {
	used := make(map[string]uint64, len(s.services))
	for _, svc := range s.services {
		n, err := s.memoryOf(ctx, svc)
		if err != nil {
			return nil, err
		}
		used[svc] = n
	}
	return used, nil
}

func (s *Stack) memoryOf(ctx context.Context, service string) (uint64, error) {
	id, err := s.containerID(ctx, service)
	if err != nil {
		return 0, err
	}
	res, err := s.engine.cli.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return 0, fmt.Errorf("read the memory of %s: %w", service, err)
	}
	var st container.StatsResponse
	err = json.NewDecoder(res.Body).Decode(&st)
	_ = res.Body.Close()
	if err != nil {
		return 0, fmt.Errorf("read the memory of %s: %w", service, err)
	}
	m := st.MemoryStats
	cache := m.Stats["total_inactive_file"] // cgroup v1
	if c, ok := m.Stats["inactive_file"]; ok && cache == 0 {
		cache = c // cgroup v2
	}
	return m.Usage - min(cache, m.Usage), nil
}
