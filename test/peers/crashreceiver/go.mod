module flowplane.test/crashreceiver

go 1.25.0

require (
	go.opentelemetry.io/collector/component v1.55.0
	go.opentelemetry.io/collector/consumer v1.55.0
	go.opentelemetry.io/collector/receiver v1.55.0
)
