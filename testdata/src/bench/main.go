// Command bench builds a large heap of a known shape and waits to be dumped.
//
//	bench svc|ast [N [TRUTH [DUMP]]]
//
// N is the number of objects, about (default 10 million, 0.8 GB for svc and
// 0.7 GB for ast). The heap's figures are printed as one line when it is
// ready; TRUTH is a file for the same and for counts by type, DUMP one for
// debug.WriteHeapDump.
//
// svc is the cache of a service: sharded maps of users with strings, byte
// slices, posts, closures, interface values, preferences in small maps, all of
// them in one LRU list; an eighth of them deleted again. ast is a syntax tree
// with scopes and types: nearly no leaves, many interfaces, back references,
// large maps with pointer keys.
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

var (
	gRNG = uint64(88172645463325252)
)

func rnd(n int) int {
	gRNG ^= gRNG << 13
	gRNG ^= gRNG >> 7
	gRNG ^= gRNG << 17
	return int(gRNG>>11) % n
}

// ---- svc

type User struct {
	ID     uint64
	Name   string
	Email  string
	Avatar []byte
	Posts  []*Post
	Prefs  map[string]string
	Hook   func(int) int
	Attr   interface{}
	Entry  *Entry
	Friend *User
}

type Post struct {
	ID     uint64
	Author *User
	Title  string
	Body   []byte
	Next   *Post
}

type Entry struct { // of the LRU list
	prev, next *Entry
	user       *User
	used       int64
}

type Attr struct {
	kind int
	note string
}

type Shard struct {
	users map[uint64]*User
	byKey map[string]*User
}

type Cache struct {
	shards [64]*Shard
	head   Entry
	n      int
}

var cache *Cache

func text(n int) []byte {
	b := make([]byte, n)
	const words = "the quick brown fox jumps over the lazy dog and runs "
	for i := 0; i < n; i += copy(b[i:], words) {
	}
	return b
}

func newUser(id uint64, friend *User) *User {
	u := &User{ID: id, Friend: friend}
	k := strconv.FormatUint(id, 10)
	u.Name = "user-" + k
	u.Email = "user." + k + "@example.com"
	u.Avatar = text(16 + rnd(300))
	for i := rnd(3); i >= 0; i-- {
		p := &Post{ID: id<<3 + uint64(i), Author: u, Title: "title " + k, Body: text(20 + rnd(260))}
		if l := len(u.Posts); l > 0 {
			u.Posts[l-1].Next = p
		}
		u.Posts = append(u.Posts, p)
	}
	if id%4 == 0 {
		u.Prefs = map[string]string{"lang": "en", "theme": "dark", "seen": k}
	}
	n := rnd(1000)
	u.Hook = func(x int) int { return x + n + len(u.Posts) }
	switch id % 3 {
	case 0:
		u.Attr = &Attr{int(id), u.Name}
	case 1:
		u.Attr = Attr{int(id), k}
	default:
		u.Attr = int(id) + 1000
	}
	return u
}

func buildSvc(n int) {
	cache = &Cache{}
	cache.head.next, cache.head.prev = &cache.head, &cache.head
	for i := range cache.shards {
		cache.shards[i] = &Shard{make(map[uint64]*User), make(map[string]*User)}
	}
	var last *User
	users := n * 10 / 152 // measured: 15.2 objects for a user
	for i := 0; i < users+users/7; i++ {
		u := newUser(uint64(i), last)
		if i%3 == 0 {
			last = u
		}
		s := cache.shards[i%64]
		s.users[u.ID] = u
		s.byKey[u.Email] = u
		e := &Entry{prev: &cache.head, next: cache.head.next, user: u, used: int64(i)}
		e.next.prev = e
		cache.head.next = e
		u.Entry = e
		cache.n++
	}
	for i := 5; i < users+users/7; i += 8 { // a hole in every eighth place
		s := cache.shards[i%64]
		u := s.users[uint64(i)]
		delete(s.users, u.ID)
		delete(s.byKey, u.Email)
		u.Entry.prev.next = u.Entry.next
		u.Entry.next.prev = u.Entry.prev
		u.Entry = nil
		cache.n--
	}
}

// ---- ast

type Node interface{ Pos() int }
type Expr interface {
	Node
	expr()
}
type Stmt interface {
	Node
	stmt()
}

type Ident struct {
	NamePos int
	Name    string
	Obj     *Object
}
type BasicLit struct {
	ValuePos int
	Kind     int
	Value    string
}
type BinaryExpr struct {
	X, Y  Expr
	OpPos int
	Op    int
}
type CallExpr struct {
	Fun    Expr
	Args   []Expr
	Lparen int
	Rparen int
}
type SelectorExpr struct {
	X   Expr
	Sel *Ident
}
type AssignStmt struct {
	Lhs, Rhs []Expr
	TokPos   int
}
type ExprStmt struct{ X Expr }
type IfStmt struct {
	If   int
	Cond Expr
	Body *BlockStmt
	Else Stmt
}
type BlockStmt struct {
	List   []Stmt
	Lbrace int
	Rbrace int
}
type FuncDecl struct {
	Name *Ident
	Type *Signature
	Body *BlockStmt
	Doc  *Comment
}
type Comment struct {
	Slash int
	Text  string
}
type Object struct {
	Name  string
	Decl  interface{}
	Type  Type
	Scope *Scope
	Pos   int
}
type Scope struct {
	parent   *Scope
	children []*Scope
	elems    map[string]*Object
	isFunc   bool
}
type Type interface{ Underlying() Type }
type Basic struct {
	kind int
	name string
}
type Pointer struct{ base Type }
type Slice struct{ elem Type }
type Named struct {
	obj    *Object
	under  Type
	method []*Object
}
type Signature struct {
	scope   *Scope
	params  []*Object
	results []*Object
}
type File struct {
	Name  *Ident
	Decls []*FuncDecl
	Scope *Scope
	src   string
}
type TypeAndValue struct {
	Type Type
	mode int
	val  interface{}
}
type Package struct {
	Files []*File
	Scope *Scope
	Types map[Expr]TypeAndValue
	Uses  map[*Ident]*Object
}

func (x *Ident) Pos() int             { return x.NamePos }
func (x *BasicLit) Pos() int          { return x.ValuePos }
func (x *BinaryExpr) Pos() int        { return x.OpPos }
func (x *CallExpr) Pos() int          { return x.Lparen }
func (x *SelectorExpr) Pos() int      { return x.Sel.NamePos }
func (x *AssignStmt) Pos() int        { return x.TokPos }
func (x *ExprStmt) Pos() int          { return x.X.Pos() }
func (x *IfStmt) Pos() int            { return x.If }
func (x *BlockStmt) Pos() int         { return x.Lbrace }
func (*Ident) expr()                  {}
func (*BasicLit) expr()               {}
func (*BinaryExpr) expr()             {}
func (*CallExpr) expr()               {}
func (*SelectorExpr) expr()           {}
func (*AssignStmt) stmt()             {}
func (*ExprStmt) stmt()               {}
func (*IfStmt) stmt()                 {}
func (*BlockStmt) stmt()              {}
func (t *Basic) Underlying() Type     { return t }
func (t *Pointer) Underlying() Type   { return t }
func (t *Slice) Underlying() Type     { return t }
func (t *Named) Underlying() Type     { return t.under }
func (t *Signature) Underlying() Type { return t }

var (
	packages []*Package
	basics   = []Type{&Basic{0, "int"}, &Basic{1, "string"}, &Basic{2, "bool"}, &Basic{3, "float64"}}
	source   string
	pkg      *Package
)

func name(pos int) string {
	at := pos * 7 % (len(source) - 12)
	return source[at : at+4+pos%8]
}

func newObject(sc *Scope, decl interface{}, pos int) *Object {
	o := &Object{Name: name(pos), Decl: decl, Scope: sc, Pos: pos}
	switch pos % 8 {
	case 0:
		o.Type = &Pointer{basics[pos%4]}
	case 1:
		o.Type = &Slice{basics[pos%4]}
	case 2:
		o.Type = &Named{obj: o, under: basics[pos%4]}
	default:
		o.Type = basics[pos%4]
	}
	if sc.elems == nil {
		sc.elems = make(map[string]*Object)
	}
	sc.elems[o.Name] = o
	return o
}

func expr(sc *Scope, depth, pos int) Expr {
	if depth > 0 {
		switch rnd(5) {
		case 0:
			return &BinaryExpr{X: expr(sc, depth-1, pos+1), Y: expr(sc, depth-1, pos+2), OpPos: pos}
		case 1:
			c := &CallExpr{Fun: expr(sc, depth-1, pos+1), Lparen: pos}
			for i := rnd(4); i > 0; i-- {
				c.Args = append(c.Args, expr(sc, depth-1, pos+i))
			}
			pkg.Types[c] = TypeAndValue{Type: basics[pos%4], mode: pos}
			return c
		case 2:
			return &SelectorExpr{expr(sc, depth-1, pos+1), &Ident{pos, name(pos), nil}}
		}
	}
	if rnd(3) == 0 {
		return &BasicLit{pos, 1, name(pos)}
	}
	id := &Ident{pos, name(pos), nil}
	for _, o := range sc.elems {
		id.Obj = o
		break
	}
	if pos%4 == 0 {
		pkg.Uses[id] = id.Obj
	}
	return id
}

func block(sc *Scope, depth, pos int) *BlockStmt {
	b := &BlockStmt{Lbrace: pos}
	inner := &Scope{parent: sc}
	sc.children = append(sc.children, inner)
	for i := 2 + rnd(6); i > 0; i-- {
		pos += 10
		switch k := rnd(4); {
		case k == 0 && depth > 0:
			b.List = append(b.List, &IfStmt{pos, expr(inner, 2, pos), block(inner, depth-1, pos+1), nil})
		case k == 1:
			b.List = append(b.List, &ExprStmt{expr(inner, 3, pos)})
		default:
			a := &AssignStmt{TokPos: pos}
			a.Lhs = append(a.Lhs, expr(inner, 0, pos))
			a.Rhs = append(a.Rhs, expr(inner, 3, pos+1))
			if rnd(2) == 0 {
				newObject(inner, a, pos)
			}
			b.List = append(b.List, a)
		}
	}
	return b
}

func buildAst(n int) {
	source = string(text(1 << 20))
	var m runtime.MemStats
	for total := 0; total < n; {
		pkg = &Package{Scope: &Scope{}, Types: make(map[Expr]TypeAndValue), Uses: make(map[*Ident]*Object)}
		packages = append(packages, pkg)
		for f := 0; f < 20; f++ {
			file := &File{Name: &Ident{1, "file", nil}, Scope: &Scope{parent: pkg.Scope}, src: source}
			pkg.Scope.children = append(pkg.Scope.children, file.Scope)
			pkg.Files = append(pkg.Files, file)
			for d := 0; d < 30; d++ {
				pos := d*1000 + f
				sig := &Signature{scope: &Scope{parent: file.Scope, isFunc: true}}
				fn := &FuncDecl{Type: sig, Doc: &Comment{pos, name(pos)}}
				fn.Name = &Ident{pos, name(pos), newObject(file.Scope, fn, pos)}
				for i := rnd(4); i > 0; i-- {
					sig.params = append(sig.params, newObject(sig.scope, fn, pos+i))
				}
				sig.results = append(sig.results, newObject(sig.scope, fn, pos+5))
				fn.Body = block(sig.scope, 3, pos)
				file.Decls = append(file.Decls, fn)
			}
		}
		runtime.ReadMemStats(&m)
		total = int(m.Mallocs) * 94 / 100 // slices that grew leave garbage
	}
}

func main() {
	if len(os.Args) < 2 || os.Args[1] != "svc" && os.Args[1] != "ast" {
		println("usage: bench svc|ast [N [TRUTH [DUMP]]]")
		os.Exit(2)
	}
	gMode = os.Args[1]
	n := 10000000
	if len(os.Args) > 2 {
		n, _ = strconv.Atoi(os.Args[2])
	}
	truthHeader("bench")
	if gMode == "ast" {
		debug.SetGCPercent(-1)
		buildAst(n)
	} else {
		debug.SetGCPercent(400)
		buildSvc(n)
	}
	fd, dump := create(3), create(4)
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)
	if cache != nil {
		cnt("main.User", cache.n, 0)
		cnt("main.Entry", cache.n, 0)
	}
	cnt("main.Package", len(packages), 0)
	truthEnd(fd)
	if dump >= 0 {
		debug.WriteHeapDump(uintptr(dump))
	}
	println("HeapObjects", gMem.HeapObjects, "HeapAlloc", gMem.HeapAlloc, "HeapSys", gMem.HeapSys, "ready")
	for {
		time.Sleep(time.Hour)
	}
}
