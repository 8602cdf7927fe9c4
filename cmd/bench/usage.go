package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// peakMemory is the largest resident set that an ended process had, in bytes.
func peakMemory(p *os.ProcessState) (int64, bool) {
	used, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, false
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return used.Maxrss, true // bytes there, kilobytes elsewhere
	}
	return used.Maxrss * 1024, true
}

// processorTime is what this process has used of processors so far, garbage
// collection included.
func processorTime() (time.Duration, bool) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, false
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), true
}
