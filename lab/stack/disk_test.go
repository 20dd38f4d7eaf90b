package stack

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

func TestDiskTooFullIsToldBefore(t *testing.T) {
	e := &Engine{RootDir: t.TempDir()}
	require.NoError(t, e.needDisk(1))
	err := e.needDisk(1 << 62)
	require.ErrorContains(t, err, "check the disk: "+e.RootDir+" has ")
	assert.ErrorContains(t, err, "GB free, this needs 4611686018.4 GB")
	assert.Contains(t, lab.HintOf(err), "docker system df")

	e.RootDir = "/no/such/place" // the engine is on another machine
	require.NoError(t, e.needDisk(1<<62), "what cannot be seen is not accused")
}
