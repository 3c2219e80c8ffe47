// A message server with its clients: nats-server with JetStream in memory.
//
//	needs github.com/nats-io/nats-server/v2@v2.15.3
//	needs github.com/nats-io/nats.go@v1.55.0
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func main() {
	dir, _ := os.MkdirTemp("", "nats")
	s, err := server.NewServer(&server.Options{Port: -1, JetStream: true, StoreDir: dir, NoSigs: true})
	if err != nil {
		panic(err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("not ready")
	}
	for c := 0; c < 10; c++ {
		nc, err := nats.Connect(s.ClientURL())
		if err != nil {
			panic(err)
		}
		for i := 0; i < 200; i++ {
			nc.Subscribe(fmt.Sprintf("a.%d.%d.>", c, i), func(m *nats.Msg) {})
		}
		if c == 0 {
			js, _ := nc.JetStream()
			if _, err := js.AddStream(&nats.StreamConfig{Name: "S", Subjects: []string{"js.>"}, Storage: nats.MemoryStorage}); err != nil {
				panic(err)
			}
			for i := 0; i < 20000; i++ {
				js.PublishAsync(fmt.Sprintf("js.%d", i%1000), []byte(fmt.Sprint("message ", i)))
			}
			<-js.PublishAsyncComplete()
		}
		go func() {
			for i := 0; ; i++ {
				nc.Publish(fmt.Sprintf("a.%d.%d.x", i%10, i%200), []byte("hello"))
				time.Sleep(time.Millisecond)
			}
		}()
	}
	time.Sleep(time.Second)
	fmt.Println("ready")
	select {}
}
