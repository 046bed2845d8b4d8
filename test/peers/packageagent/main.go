// An agent for the peer tests: the client library of opamp-go, and packages that are files in a folder. The library downloads, reports
// and deletes; what is here keeps files and what is known of them, and refuses a file whose hash is not the one that was offered.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/client"
	"github.com/open-telemetry/opamp-go/client/types"
	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// One package as it is kept beside its file.
type kept struct {
	Type    protobufs.PackageType
	Hash    []byte
	Version string
}

// The folder: NAME is a package's file, and what is known of all of them, and was said of them last, is beside it and outlives the process.
type folder struct {
	mutex sync.Mutex
	path  string
	All   []byte
	Known map[string]kept
}

func openFolder(path string) (*folder, error) {
	f := &folder{path: path, Known: map[string]kept{}}
	text, err := os.ReadFile(f.file("state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	return f, json.Unmarshal(text, f)
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

func (f *folder) save() error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(f.file("state.json"), text, 0o600)
}

func (f *folder) AllPackagesHash() ([]byte, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.All, nil
}

func (f *folder) SetAllPackagesHash(hash []byte) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.All = hash
	return f.save()
}

func (f *folder) Packages() ([]string, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	names := []string{}
	for name := range f.Known {
		names = append(names, name)
	}
	return names, nil
}

func (f *folder) PackageState(name string) (types.PackageState, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	known, exists := f.Known[name]
	return types.PackageState{Exists: exists, Type: known.Type, Hash: known.Hash, Version: known.Version}, nil
}

func (f *folder) SetPackageState(name string, state types.PackageState) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	// The library gives the type of a package that is new as the zero of it.
	f.Known[name] = kept{Type: f.Known[name].Type, Hash: state.Hash, Version: state.Version}
	return f.save()
}

func (f *folder) CreatePackage(name string, kind protobufs.PackageType) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if _, exists := f.Known[name]; exists {
		return fmt.Errorf("there is a package %s already", name)
	}
	f.Known[name] = kept{Type: kind}
	return f.save()
}

func (f *folder) FileContentHash(name string) ([]byte, error) {
	content, err := os.ReadFile(f.file(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(content)
	return hash[:], nil
}

func (f *folder) UpdateContent(_ context.Context, name string, data io.Reader, contentHash, _ []byte) error {
	content, err := io.ReadAll(data)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(content)
	if !bytes.Equal(hash[:], contentHash) {
		return fmt.Errorf("hash mismatch: offered %x, downloaded %x", contentHash, hash)
	}
	return os.WriteFile(f.file(name), content, 0o700)
}

func (f *folder) DeletePackage(name string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	delete(f.Known, name)
	if err := os.Remove(f.file(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return f.save()
}

func (f *folder) LastReportedStatuses() (*protobufs.PackageStatuses, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	data, err := os.ReadFile(f.file("statuses.pb"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	statuses := &protobufs.PackageStatuses{}
	return statuses, proto.Unmarshal(data, statuses)
}

func (f *folder) SetLastReportedStatuses(statuses *protobufs.PackageStatuses) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	data, err := proto.Marshal(statuses)
	if err != nil {
		return err
	}
	return os.WriteFile(f.file("statuses.pb"), data, 0o600)
}

type logger struct{}

func (logger) Debugf(_ context.Context, format string, v ...any) { log.Printf(format, v...) }
func (logger) Errorf(_ context.Context, format string, v ...any) { log.Printf("error: "+format, v...) }

func attribute(key, value string) *protobufs.KeyValue {
	return &protobufs.KeyValue{
		Key:   key,
		Value: &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: value}},
	}
}

func run() error {
	packages, err := openFolder(os.Getenv("PACKAGES"))
	if err != nil {
		return err
	}
	uid, err := uuid.Parse(os.Getenv("INSTANCE_UID"))
	if err != nil {
		return err
	}
	agent := client.NewWebSocket(logger{})
	if err := agent.SetAgentDescription(&protobufs.AgentDescription{
		IdentifyingAttributes:    []*protobufs.KeyValue{attribute("service.name", "package-agent")},
		NonIdentifyingAttributes: []*protobufs.KeyValue{attribute("os.type", "linux"), attribute("host.arch", "amd64"), attribute("host.name", os.Getenv("HOST_NAME"))},
	}); err != nil {
		return err
	}
	capabilities := protobufs.AgentCapabilities_AgentCapabilities_ReportsStatus |
		protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsPackageStatuses
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := agent.Start(ctx, types.StartSettings{
		OpAMPServerURL:        os.Getenv("OPAMP_ENDPOINT"),
		Header:                http.Header{"Authorization": {"Bearer " + os.Getenv("OPAMP_TOKEN")}},
		InstanceUid:           types.InstanceUid(uid),
		PackagesStateProvider: packages,
		// Set before the start, as the library would rather have it, they lack the provider.
		Capabilities: capabilities,
		Callbacks: types.Callbacks{
			OnMessage: func(ctx context.Context, message *types.MessageData) {
				if message.PackageSyncer == nil {
					return
				}
				if err := message.PackageSyncer.Sync(ctx); err != nil {
					log.Printf("error: syncing packages: %v", err)
				}
			},
		},
	}); err != nil {
		return err
	}
	<-ctx.Done()
	return agent.Stop(context.Background())
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
