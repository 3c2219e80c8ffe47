// Command web is an HTTP server of the standard library that serves itself:
// JSON in and out, templates, sessions, requests that wait.
//
//	web wait TRUTH [HEAPDUMP [N]]
//
// It handles N requests (default 2000), keeps what they left, writes "end" to
// TRUTH and waits to be dumped.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

type Item struct {
	ID       int64             `json:"id"`
	Name     string            `json:"name"`
	Tags     []string          `json:"tags"`
	Attrs    map[string]string `json:"attrs"`
	Price    float64           `json:"price"`
	Created  time.Time         `json:"created"`
	Children []*Item           `json:"children,omitempty"`
	Raw      json.RawMessage   `json:"raw,omitempty"`
}

type Session struct {
	ID      string
	User    *User
	Expires time.Time
	Data    map[string]interface{}
}

type User struct {
	Name  string
	Email string
	Roles []string
	Cart  []*Item
}

type Store struct {
	mu     sync.RWMutex
	items  map[int64]*Item
	byName map[string][]*Item
	order  []int64
	subs   map[chan *Item]struct{}
	log    []Event
}

type Event struct {
	At   time.Time
	Kind string
	Item *Item
	Note []byte
}

var (
	store    = &Store{items: map[int64]*Item{}, byName: map[string][]*Item{}, subs: map[chan *Item]struct{}{}}
	sessions = map[string]*Session{}
	sessMu   sync.Mutex
	cache    sync.Map
	bufPool  = sync.Pool{New: func() interface{} { return new(bytes.Buffer) }}
	page     = template.Must(template.New("page").Parse(`<html><body><h1>{{.Name}}</h1>{{range .Tags}}<i>{{.}}</i>{{end}}</body></html>`))
	metrics  struct {
		sync.Mutex
		counts map[string]int64
		lat    []time.Duration
		recent [64]*Request
		n      int
	}
)

type Request struct {
	Path, Method string
	Header       http.Header
	When         time.Time
	Body         []byte
}

func (s *Store) add(it *Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[it.ID] = it
	s.byName[it.Name] = append(s.byName[it.Name], it)
	s.order = append(s.order, it.ID)
	s.log = append(s.log, Event{time.Now(), "add", it, []byte(fmt.Sprintf("item %d was added with %d tags", it.ID, len(it.Tags)))})
	for c := range s.subs {
		select {
		case c <- it:
		default:
		}
	}
}

func note(r *http.Request, body []byte) {
	metrics.Lock()
	defer metrics.Unlock()
	if metrics.counts == nil {
		metrics.counts = make(map[string]int64)
	}
	metrics.counts[r.URL.Path]++
	metrics.lat = append(metrics.lat, time.Duration(len(body)))
	metrics.recent[metrics.n%64] = &Request{r.URL.Path, r.Method, r.Header.Clone(), time.Now(), body}
	metrics.n++
}

func handleItems(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	note(r, body)
	if r.Method == "POST" {
		var it Item
		if err := json.Unmarshal(body, &it); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		store.add(&it)
		b := bufPool.Get().(*bytes.Buffer)
		b.Reset()
		page.Execute(b, &it)
		cache.Store(it.ID, append([]byte(nil), b.Bytes()...))
		bufPool.Put(b)
		w.WriteHeader(201)
		return
	}
	id, _ := strconv.ParseInt(r.URL.Query().Get("id"), 10, 64)
	store.mu.RLock()
	it := store.items[id]
	store.mu.RUnlock()
	json.NewEncoder(w).Encode(it)
}

func handleLogin(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	s := &Session{ID: "sess-" + name, User: &User{Name: name, Email: name + "@example.org", Roles: []string{"user", strings.ToUpper(name)}},
		Expires: time.Now().Add(time.Hour), Data: map[string]interface{}{"n": len(name), "last": name, "t": time.Now()}}
	sessMu.Lock()
	sessions[s.ID] = s
	sessMu.Unlock()
	fmt.Fprintln(w, s.ID)
}

func handleWait(w http.ResponseWriter, r *http.Request) {
	c := make(chan *Item, 4)
	store.mu.Lock()
	store.subs[c] = struct{}{}
	store.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
	defer cancel()
	var got []*Item
	w.WriteHeader(200)
	w.(http.Flusher).Flush()
	for {
		select {
		case it := <-c:
			got = append(got, it)
		case <-ctx.Done():
			return
		}
	}
}

func load(base string, n int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	var wg sync.WaitGroup
	for k := 0; k < 4; k++ {
		wg.Add(1)
		go func(k int) {
			defer wg.Done()
			for i := k; i < n; i += 4 {
				it := Item{ID: int64(i), Name: "item " + strconv.Itoa(i%97), Tags: []string{"a" + strconv.Itoa(i), "b"}, Price: float64(i) / 3,
					Created: time.Now(), Attrs: map[string]string{"color": "red" + strconv.Itoa(i%7), "size": strconv.Itoa(i)}}
				if i%5 == 0 {
					it.Children = []*Item{{ID: int64(-i), Name: "child"}, {ID: int64(-i - 1), Name: "child2", Raw: json.RawMessage(`{"x":[1,2,3]}`)}}
				}
				b, _ := json.Marshal(&it)
				resp, err := client.Post(base+"/items", "application/json", bytes.NewReader(b))
				if err != nil {
					log.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if i%9 == 0 {
					resp, err = client.Get(base + "/login?name=user" + strconv.Itoa(i))
					if err == nil {
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				}
			}
		}(k)
	}
	wg.Wait()
	for i := 0; i < 20; i++ {
		resp, err := client.Get(base + "/wait")
		if err == nil {
			go io.Copy(io.Discard, resp.Body)
		}
	}
}

func main() {
	n := 2000
	if len(os.Args) > 4 {
		n, _ = strconv.Atoi(os.Args[4])
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/items", handleItems)
	mux.HandleFunc("/login", handleLogin)
	mux.HandleFunc("/wait", handleWait)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go srv.Serve(l)
	load("http://"+l.Addr().String(), n)
	store.mu.RLock()
	sort.Slice(store.order, func(i, j int) bool { return store.order[i] < store.order[j] })
	store.mu.RUnlock()
	runtime.GC()
	if len(os.Args) > 2 {
		os.WriteFile(os.Args[2], []byte("end\n"), 0644)
	}
	select {}
}
