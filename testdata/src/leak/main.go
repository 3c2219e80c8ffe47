// Command leak is a small service with a memory leak, for the examples of the
// documentation: it serves N made-up requests and then waits to be dumped.
//
//	leak MODE TRUTH [DUMP [N]]
//
// MODE is wait, panic (dereference nil) or abort (raise SIGABRT).
//
// Sessions come and go, pages are kept in an LRU list of limited size; that
// part is sound. But the page cache has a key that is never the same twice and
// nothing is ever taken out of it. Its pages keep the requests, and these the
// sessions that ended long ago. A second, smaller leak is a goroutine for each
// 250th request that waits for an answer for ever.
package main

import (
	"container/list"
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type User struct {
	ID      int64
	Name    string
	Email   string
	Friends []*User
	Prefs   map[string]string
}

type Session struct {
	ID      string
	User    *User
	Started time.Time
	Data    map[string]interface{}
	History []string
}

type Request struct {
	Session *Session
	Method  string
	Path    string
	Header  map[string][]string
	Arrived time.Time
	ctx     context.Context
}

type Comment struct {
	By   *User
	Text string
	Next *Comment
}

type Post struct {
	ID       int64
	Author   *User
	Title    string
	Body     []byte
	Tags     []string
	Comments *Comment
}

type Page struct {
	Key      string
	Body     []byte
	Request  *Request
	Rendered time.Time
}

// PageCache is the leak.
type PageCache struct {
	mu    sync.Mutex
	pages map[string]*Page
	hits  int
}

// LRU is a cache that works.
type LRU struct {
	mu    sync.Mutex
	limit int
	order *list.List
	byKey map[string]*list.Element
}

type lruEntry struct {
	key  string
	post *Post
}

type Handler interface {
	Serve(s *Server, r *Request) ([]byte, error)
}

type postHandler struct{ prefix string }
type userHandler struct{ fields []string }
type logged struct { // middleware
	next  Handler
	log   func(string)
	count int
}

type Job struct {
	name string
	run  func() error
	req  *Request
}

type Server struct {
	mu       sync.Mutex
	sessions map[string]*Session
	users    []*User
	posts    map[int64]*Post
	recent   *LRU
	routes   map[string]Handler
	jobs     chan Job
	audit    []string
	started  time.Time
	rng      uint64
	expired  int
}

var (
	server     *Server
	renderings = &PageCache{pages: make(map[string]*Page)}
	never      = make(chan struct{})
	errNoPost  = errors.New("no such post")
)

func (s *Server) random(n int) int {
	s.rng = s.rng*6364136223846793005 + 1442695040888963407
	return int(s.rng>>33) % n
}

func (l *LRU) get(key string, load func() *Post) *Post {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*lruEntry).post
	}
	p := load()
	l.byKey[key] = l.order.PushFront(&lruEntry{key, p})
	if l.order.Len() > l.limit {
		last := l.order.Back()
		delete(l.byKey, last.Value.(*lruEntry).key)
		l.order.Remove(last)
	}
	return p
}

func (c *PageCache) render(r *Request, body func() []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := r.Session.ID + " " + r.Path + " " + strconv.FormatInt(r.Arrived.UnixNano(), 10)
	if p, ok := c.pages[key]; ok {
		c.hits++
		return p.Body
	}
	p := &Page{Key: key, Body: body(), Request: r, Rendered: r.Arrived}
	c.pages[key] = p
	return p.Body
}

func (h *postHandler) Serve(s *Server, r *Request) ([]byte, error) {
	id, err := strconv.ParseInt(r.Path[len(h.prefix):], 10, 64)
	if err != nil {
		return nil, err
	}
	p := s.recent.get(r.Path, func() *Post { return s.posts[id] })
	if p == nil {
		return nil, errNoPost
	}
	return renderings.render(r, func() []byte {
		b := make([]byte, 0, 512)
		b = append(b, "<html><head><title>"...)
		b = append(b, p.Title...)
		b = append(b, "</title></head><body>"...)
		b = append(b, p.Body...)
		for c := p.Comments; c != nil; c = c.Next {
			b = append(b, "<p class=comment>"...)
			b = append(b, c.Text...)
		}
		return append(b, "</body></html>"...)
	}), nil
}

func (h *userHandler) Serve(s *Server, r *Request) ([]byte, error) {
	var b []byte
	for _, f := range h.fields {
		b = append(b, f...)
		b = append(b, '=')
		b = append(b, r.Session.User.Prefs[f]...)
		b = append(b, '\n')
	}
	return b, nil
}

func (h *logged) Serve(s *Server, r *Request) ([]byte, error) {
	h.count++
	b, err := h.next.Serve(s, r)
	if err != nil {
		h.log(r.Path + ": " + err.Error())
	}
	return b, err
}

func newServer() *Server {
	s := &Server{
		sessions: make(map[string]*Session),
		posts:    make(map[int64]*Post),
		recent:   &LRU{limit: 60, order: list.New(), byKey: make(map[string]*list.Element)},
		routes:   make(map[string]Handler),
		jobs:     make(chan Job, 16),
		started:  time.Unix(1700000000, 0),
		rng:      42,
	}
	for i := 0; i < 120; i++ {
		u := &User{ID: int64(i), Name: "user number " + strconv.Itoa(i), Email: "user" + strconv.Itoa(i) + "@example.com"}
		u.Prefs = map[string]string{"lang": "en", "theme": "dark", "zone": "UTC+" + strconv.Itoa(i%12)}
		if i > 4 {
			for j := 0; j < 4; j++ {
				u.Friends = append(u.Friends, s.users[s.random(i)])
			}
		}
		s.users = append(s.users, u)
	}
	for i := 0; i < 200; i++ {
		p := &Post{ID: int64(i), Author: s.users[s.random(len(s.users))], Title: "On subject " + strconv.Itoa(i)}
		for j := 0; j < 5+i%5; j++ {
			p.Body = append(p.Body, "The quick brown fox jumps over the lazy dog. "...)
		}
		p.Tags = []string{"tag" + strconv.Itoa(i%7), "all"}
		for j := 0; j < i%4; j++ {
			p.Comments = &Comment{s.users[s.random(len(s.users))], "comment " + strconv.Itoa(j) + " on post " + strconv.Itoa(i), p.Comments}
		}
		s.posts[p.ID] = p
	}
	audit := func(line string) { s.audit = append(s.audit, line) }
	s.routes["/post/"] = &logged{next: &postHandler{"/post/"}, log: audit}
	s.routes["/user/"] = &logged{next: &userHandler{[]string{"lang", "theme", "zone"}}, log: audit}
	for i := 0; i < 4; i++ {
		go s.worker(i)
	}
	go s.housekeeping(time.NewTicker(time.Hour))
	return s
}

//go:noinline
func (s *Server) worker(id int) {
	scratch := make([]byte, 4096)
	for j := range s.jobs {
		if err := j.run(); err != nil {
			copy(scratch, err.Error())
		}
	}
	<-never
}

//go:noinline
func (s *Server) housekeeping(t *time.Ticker) {
	for now := range t.C {
		s.mu.Lock()
		s.audit = append(s.audit, "alive after "+strconv.Itoa(int(now.Sub(s.started).Hours()))+" hours")
		s.mu.Unlock()
	}
}

// await is the second leak: the answer never comes.
//
//go:noinline
func await(r *Request, answer chan []byte) {
	b := <-answer
	r.Session.History = append(r.Session.History, string(b))
}

func (s *Server) session(n int) *Session {
	id := "session-" + strconv.Itoa(n/8)
	ss := s.sessions[id]
	if ss == nil {
		ss = &Session{ID: id, User: s.users[s.random(len(s.users))], Started: s.started.Add(time.Duration(n) * time.Second)}
		ss.Data = map[string]interface{}{"visits": 1000 + n, "agent": "browser/" + strconv.Itoa(n%9)}
		s.sessions[id] = ss
		if old := "session-" + strconv.Itoa(n/8-20); s.sessions[old] != nil {
			delete(s.sessions, old)
			s.expired++
		}
	}
	return ss
}

func (s *Server) request(n int) {
	ss := s.session(n)
	r := &Request{Session: ss, Method: "GET", Arrived: s.started.Add(time.Duration(n) * time.Second)}
	r.Header = map[string][]string{"Accept": {"text/html"}, "X-Request": {strconv.Itoa(n)}}
	r.ctx = context.WithValue(context.Background(), "request", n)
	route := "/post/"
	if n%5 == 4 {
		route = "/user/"
		r.Path = route + strconv.FormatInt(ss.User.ID, 10)
	} else {
		r.Path = route + strconv.Itoa(s.random(203))
	}
	ss.History = append(ss.History, r.Path)
	s.routes[route].Serve(s, r)
	if n%50 == 0 {
		s.jobs <- Job{"tidy", func() error { _ = r.Path; return nil }, r}
	}
	if n%250 == 249 {
		go await(r, make(chan []byte))
	}
}

func main() {
	runtime.MemProfileRate = 16 << 10
	runtime.MemProfile(nil, false) // the profile shall be in the snapshot
	gMode = "wait"
	if len(os.Args) > 1 {
		gMode = os.Args[1]
	}
	n := 1500
	if len(os.Args) > 4 {
		n, _ = strconv.Atoi(os.Args[4])
	}
	truthHeader("leak")
	server = newServer()
	for i := 0; i < n; i++ {
		server.request(i)
	}
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)

	pages, sessions := len(renderings.pages), map[*Session]bool{}
	requests := map[*Request]bool{}
	for _, p := range renderings.pages {
		sessions[p.Request.Session] = true
		requests[p.Request] = true
	}
	cnt("main.Page", pages, 0)
	cnt("main.User", len(server.users), 0)
	cnt("main.Post", len(server.posts), 0)
	cnt("main.lruEntry", server.recent.order.Len(), 0)
	ended := 0
	for ss := range sessions {
		if server.sessions[ss.ID] != ss {
			ended++
		}
	}
	mapt("main.renderings.pages", *(*unsafe.Pointer)(unsafe.Pointer(&renderings.pages)), "string", "*main.Page", pages)
	mapt("main.server.sessions", *(*unsafe.Pointer)(unsafe.Pointer(&server.sessions)), "string", "*main.Session", len(server.sessions))
	glob("main.renderings", unsafe.Pointer(&renderings), 8, "*main.PageCache")
	glob("main.server", unsafe.Pointer(&server), 8, "*main.Server")
	// The cache itself is not in the heap: the linker lays it out.
	cnt("main.PageCache", 0, 0)
	rec("server", -1, unsafe.Pointer(server), unsafe.Sizeof(*server), "main.Server", live, "global:main.server", "")
	puts("answer pages=")
	putd(int64(pages))
	puts(" requests_of_pages=")
	putd(int64(len(requests)))
	puts(" sessions_of_pages=")
	putd(int64(len(sessions)))
	puts(" sessions_ended=")
	putd(int64(ended))
	puts(" sessions_current=")
	putd(int64(len(server.sessions)))
	puts(" waiting_for_ever=")
	putd(int64(n / 250))
	putc('\n')
	pages, sessions, requests = 0, nil, nil

	truthFD, dumpFD := create(2), create(3)
	runtime.GC()
	if dumpFD >= 0 {
		debug.WriteHeapDump(uintptr(dumpFD))
		syscall.Close(dumpFD)
	}
	truthEnd(truthFD)
	switch gMode {
	case "panic":
		var s *Server
		s.rng = 1
	case "abort":
		syscall.Kill(syscall.Getpid(), syscall.SIGABRT)
	}
	<-never
}
