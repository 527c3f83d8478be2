package password_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/password"
	"github.com/foyer-id/foyer/selfservice/ui"
)

var policy = &password.Policy{MinLength: 8, SimilarityCheck: true}

func ids(problems []ui.Problem) []int {
	ids := []int{}
	for _, p := range problems {
		ids = append(ids, p.ID)
	}
	return ids
}

// Each script by the code points its letters are drawn from.
var scripts = map[string][]rune{
	"latin":      []rune("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"),
	"spaces":     []rune("a b c d e f g h i j k l m n o p q r s t u v w x y z"),
	"signs":      []rune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
	"cyrillic":   []rune("абвгдежзийклмнопрстуфхцчшщъыьэюя"),
	"greek":      []rune("αβγδεζηθικλμνξοπρστυφχψω"),
	"arabic":     []rune("ابتثجحخدذرزسشصضطظعغفقكلمنهوي"),
	"hebrew":     []rune("אבגדהוזחטיכלמנסעפצקרשת"),
	"devanagari": []rune("कखगघचछजझटठडढतथदधनपफबभमयरलवशषसह"),
	"han":        []rune("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏"),
	"kana":       []rune("いろはにほへとちりぬるをわかよたれそつねならむ"),
	"hangul":     []rune("가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허"),
	"emoji":      []rune("🔑🐎🔋📎🌍🚀🎲🍀🌋🧭🪁🦉🥨🎻🧊🪐"),
	"combining":  []rune("a\u0301e\u0300o\u0308n\u0303c\u0327u\u030a"),
}

func text(script []rune, length int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, uint64(length)))
	runes := make([]rune, length)
	for i := range runes {
		runes[i] = script[r.IntN(len(script))]
	}
	return string(runes)
}

func TestLengthIsCountedInCodePoints(t *testing.T) {
	vectors := 0
	for name, script := range scripts {
		for _, length := range []int{1, 2, 7, 8, 9, 15, 16, 64, 72, 73, 128, 255, 256, 257, 300} {
			vectors++
			candidate := text(script, length, 7)
			require.Equal(t, length, utf8.RuneCountInString(candidate))
			got := policy.Judge(candidate, []string{"jane.doe@example.org", "janedoe"})
			switch {
			case length < 8:
				require.Equal(t, []ui.Problem{{Node: "password", ID: 4000032, Context: map[string]any{"min_length": 8, "actual_length": length}}}, got, "%s %d", name, length)
			case length > 256:
				require.Equal(t, []ui.Problem{{Node: "password", ID: 4000033, Context: map[string]any{"max_length": 256, "actual_length": length}}}, got, "%s %d", name, length)
			default:
				require.Nil(t, got, "%s %d", name, length)
			}
		}
	}
	require.GreaterOrEqual(t, vectors, 120)
}

func TestNoCompositionIsAskedFor(t *testing.T) {
	for _, candidate := range []string{
		"purple mongoose lamp", "           qz", "94720355861", "vfkxwbzq", "VFKXWBZQ", "~~,,;;::..!?",
		"приветствую вас всех", "我的密碼不容易猜到啊", "👩‍👩‍👧‍👦🔑🚪", "e\u0301e\u0301q\u0301w\u0301",
	} {
		require.Empty(t, policy.Judge(candidate, nil), candidate)
	}
}

func TestBcryptLimitIsCountedInBytes(t *testing.T) {
	p := &password.Policy{MinLength: 8, MaxBytes: 72}
	require.Empty(t, p.Judge(text(scripts["latin"], 72, 1), nil))
	require.Equal(t,
		[]ui.Problem{{Node: "password", ID: 4000033, Context: map[string]any{"max_length": 72, "actual_length": 73}}},
		p.Judge(text(scripts["latin"], 73, 1), nil))
	require.Equal(t,
		[]ui.Problem{{Node: "password", ID: 4000033, Context: map[string]any{"max_length": 72, "actual_length": 75}}},
		p.Judge(text(scripts["han"], 25, 1), nil))
	require.Empty(t, p.Judge(text(scripts["han"], 24, 1), nil))
}

func TestAllProblemsTogether(t *testing.T) {
	got := policy.Judge("Dragon1", []string{"dragon12@example.org"})
	require.Equal(t, []int{4000032, 4000031}, ids(got))
	for _, p := range got {
		require.Equal(t, "password", p.Node)
	}
	require.Equal(t, map[string]any{"reason": "the password has been found in data breaches and must no longer be used."}, breachedOf(t, "dragon12")[0].Context)
}

func TestHugeInputIsRefusedQuickly(t *testing.T) {
	identifiers := make([]string, 10_000)
	for i := range identifiers {
		identifiers[i] = strings.Repeat("\ufdfa", 1<<10)
	}
	for _, candidate := range []string{
		strings.Repeat("a", 1<<20), strings.Repeat("\ufdfa", 1<<18), strings.Repeat("\xff", 1<<20),
	} {
		begun := time.Now()
		require.Equal(t, []int{4000033}, ids(policy.Judge(candidate, identifiers)))
		require.Less(t, time.Since(begun), 50*time.Millisecond)
	}
}

func TestAcceptedAtTheLimitIsStillBounded(t *testing.T) {
	// One sign that folds to eighteen, in a password and identifiers at their
	// largest, and windows that differ in their last letter only.
	expanding := strings.Repeat("\ufdfa", 256)
	nearly := strings.Repeat("a", 255) + "b"
	for _, candidate := range []string{expanding, nearly} {
		identifiers := make([]string, 1000)
		for i := range identifiers {
			identifiers[i] = strings.Repeat("a", 128) + "@" + strings.Repeat("\ufdfa", 1<<10)
		}
		allocated := testing.AllocsPerRun(1, func() { policy.Judge(candidate, identifiers) })
		require.Less(t, allocated, 2000.0)
		begun := time.Now()
		policy.Judge(candidate, identifiers)
		require.Less(t, time.Since(begun), 250*time.Millisecond)
	}
}

func BenchmarkJudge(b *testing.B) {
	policy.Judge("load the list", nil)
	for b.Loop() {
		policy.Judge("purple mongoose lamp", []string{"jane.doe@example.org", "janedoe"})
	}
}

func BenchmarkJudgeWorst(b *testing.B) {
	identifiers := make([]string, 16)
	for i := range identifiers {
		identifiers[i] = strings.Repeat("a", 128) + "@" + strings.Repeat("\ufdfa", 256)
	}
	candidate := strings.Repeat("\ufdfa", 255) + "b"
	for b.Loop() {
		policy.Judge(candidate, identifiers)
	}
}
