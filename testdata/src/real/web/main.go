// A web server: JSON and templates over HTTP, sessions in memory. It is its own client.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"sync"
	"time"
)

type item struct {
	ID    int                    `json:"id"`
	Name  string                 `json:"name"`
	Price float64                `json:"price"`
	Tags  []string               `json:"tags,omitempty"`
	Attrs map[string]interface{} `json:"attrs,omitempty"`
	Links map[string]string      `json:"links,omitempty"`
}

type session struct {
	user  string
	since time.Time
	cart  []*item
	seen  map[int]bool
}

type server struct {
	mu       sync.RWMutex
	items    map[int]*item
	sessions map[string]*session
	pages    sync.Map
	tmpl     *template.Template
	bufs     sync.Pool
	hits     map[string]int
}

const page = `<html><head><title>{{.Title}}</title></head><body>{{range .Items}}<div class="{{if .Tags}}tagged{{end}}">
<a href="/item?id={{.ID}}">{{.Name}}</a> {{printf "%.2f" .Price}}{{range $k, $v := .Links}}<a href="{{$v}}">{{$k}}</a>{{end}}
<script>var x = {{.Attrs}};</script></div>{{else}}nothing{{end}}{{template "foot" .}}</body></html>{{define "foot"}}<p>{{.User}}</p>{{end}}`

func (s *server) session(w http.ResponseWriter, r *http.Request) *session {
	id := ""
	if c, err := r.Cookie("sid"); err == nil {
		id = c.Value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits[r.URL.Path]++
	if x := s.sessions[id]; x != nil {
		return x
	}
	id = fmt.Sprintf("s%08x", len(s.sessions))
	x := &session{user: "user of " + id, since: time.Now(), seen: map[int]bool{}}
	s.sessions[id] = x
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: id})
	return x
}

func (s *server) put(w http.ResponseWriter, r *http.Request) {
	var it item
	if err := json.NewDecoder(r.Body).Decode(&it); err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	sess := s.session(w, r)
	s.mu.Lock()
	s.items[it.ID] = &it
	sess.cart = append(sess.cart, &it)
	sess.seen[it.ID] = true
	s.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]interface{}{"ok": true, "id": it.ID})
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	sess := s.session(w, r)
	b := s.bufs.Get().(*bytes.Buffer)
	b.Reset()
	s.mu.RLock()
	err := s.tmpl.Execute(b, map[string]interface{}{"Title": "cart", "Items": sess.cart, "User": sess.user})
	s.mu.RUnlock()
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	s.pages.Store(sess.user, b.String())
	w.Write(b.Bytes())
	s.bufs.Put(b)
}

func main() {
	s := &server{items: map[int]*item{}, sessions: map[string]*session{}, hits: map[string]int{},
		tmpl: template.Must(template.New("page").Parse(page)), bufs: sync.Pool{New: func() interface{} { return new(bytes.Buffer) }}}
	mux := http.NewServeMux()
	mux.HandleFunc("/put", s.put)
	mux.HandleFunc("/list", s.list)
	mux.Handle("/static/", http.TimeoutHandler(http.StripPrefix("/static/", http.FileServer(http.Dir("/"))), time.Second, "late"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go (&http.Server{Handler: mux, ReadTimeout: time.Minute}).Serve(l)
	var done sync.WaitGroup
	for c := 0; c < 8; c++ {
		done.Add(1)
		go client(c, "http://"+l.Addr().String(), &done)
	}
	done.Wait()
	fmt.Println("ready")
	select {}
}

func client(c int, base string, done *sync.WaitGroup) {
	jar, _ := cookiejar.New(nil)
	hc := &http.Client{Jar: jar, Timeout: time.Minute}
	for i := 0; ; i++ {
		it := item{ID: c*10000 + i%1000, Name: fmt.Sprint("item ", i), Price: float64(i) * 1.25, Tags: []string{"a", fmt.Sprint("t", i%7)},
			Attrs: map[string]interface{}{"size": i, "color": "red", "nested": map[string]interface{}{"x": []int{1, 2, i}}},
			Links: map[string]string{"next": fmt.Sprint("/item?id=", i+1)}}
		b, _ := json.Marshal(it)
		for _, f := range []func() (*http.Response, error){
			func() (*http.Response, error) { return hc.Post(base+"/put", "application/json", bytes.NewReader(b)) },
			func() (*http.Response, error) { return hc.Get(base + "/list") },
			func() (*http.Response, error) { return hc.Get(base + "/static/etc/hostname") },
		} {
			resp, err := f()
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				continue
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if i == 60 {
			done.Done()
		}
		if i >= 60 {
			time.Sleep(20 * time.Millisecond)
		}
	}
}
