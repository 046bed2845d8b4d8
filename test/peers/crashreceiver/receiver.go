// Package crashreceiver is a receiver with a bug: it works until a file appears, and then takes its Collector down.
// A crash that comes after everything looked well, at a moment a test chooses.
package crashreceiver

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
)

const lookEvery = 50 * time.Millisecond

type config struct {
	// When names the file.
	When string `mapstructure:"when"`
}

type crash struct {
	when string
	done chan struct{}
}

// NewFactory is what the Collector's builder looks for.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(
		component.MustNewType("crash"),
		func() component.Config { return &config{} },
		receiver.WithLogs(create, component.StabilityLevelDevelopment),
	)
}

func create(_ context.Context, _ receiver.Settings, cfg component.Config, _ consumer.Logs) (receiver.Logs, error) {
	return &crash{when: cfg.(*config).When, done: make(chan struct{})}, nil
}

func (c *crash) Start(context.Context, component.Host) error {
	go func() {
		for {
			select {
			case <-c.done:
				return
			case <-time.After(lookEvery):
				if _, err := os.Stat(c.when); err == nil {
					panic("the receiver's bug: " + c.when + " is there")
				}
			}
		}
	}()
	return nil
}

func (c *crash) Shutdown(context.Context) error {
	close(c.done)
	return nil
}
