package hash_test

import "strings"

const argon2idVector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

// Of 511 letters x, by libxcrypt, which takes no more.
const (
	sha512Crypt511 = "$sha512-crypt$rounds=1000$saltsalt$nC35Rjw1qm7lwdxVgg3IU9qZMEaqucKnRYCtC7UyfTbgqAQUZjWQxjc2xeWwMzOTjOEqyGG.T4MAGPm1ptmEK/"
	md5Crypt511    = "$md5-crypt$saltsalt$x9F2.6Bg2JHTiGLCk1ITS0"
)

var hundred = strings.Repeat("x", 100)

// vectors are hashes that others made, each for its own password. By which
// document or tool is said for each group; where two are named, both were asked.
var vectors = []struct{ password, encoded string }{
	// The published tests of the reference implementations.
	{"password", argon2idVector},
	{"password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"},
	{"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
	{"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"},

	// libxcrypt 4.4 (perl -e 'print crypt(...)'); the first two are of its own tests.
	{"\xa3", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
	{"\xff\xff\xa3", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
	{"ascii only", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.sAwThJjVSRN.r59FITbqoXSMhXy0Fji"},
	{"zażółć gęślą jaźń", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.7NDQJZnA.GqLggbmtsyxK2gK4KBKgZi"},
	{"eighteen letters £ and more than that", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.g5KdVNd41/mosqPmzsm35E6Y0fx7xF."},
	{"zażółć gęślą jaźń", "$2y$05$/OK.fbVrR/bpIqNJ5ianF..sYTK407uBBZabl4Op/zDKMwcnvvqZ."},

	// RFC 6070, the fourth; then Python's hashlib, checked with openssl kdf.
	{"password", "$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE"},
	{"zażółć gęślą jaźń", "$pbkdf2-sha1$i=1000,l=32$AP9zYWx0IG9mIDE2IGJ5dA$iShVCEUtjfb+uprV8CnnUlwndprtRgjJjUN92L4Cwnc"},
	{"zażółć gęślą jaźń", "$pbkdf2-sha224$i=1000,l=28$AP9zYWx0IG9mIDE2IGJ5dA$4B7XYhqhFhcedLXDUzry3hsxxlFP7wpNHLUJPw"},
	{"zażółć gęślą jaźń", "$pbkdf2-sha256$i=1000,l=32$AP9zYWx0IG9mIDE2IGJ5dA$PBOeqWMusBU2S/OqNADAY93W0uCv1AsL7zpDfWfrn/M"},
	{"zażółć gęślą jaźń", "$pbkdf2-sha384$i=1000,l=64$AP9zYWx0IG9mIDE2IGJ5dA$Yh1iDKgi8EifJRV9YOH7Fe7nAgjo4ezQ6zk8Ol3UimVAq95K5WkfEGAiRpr96h0+e3gC4E1oO4WTqvlncI2mEA"},
	{"zażółć gęślą jaźń", "$pbkdf2-sha512$i=1000,l=128$AP9zYWx0IG9mIDE2IGJ5dA$W9V4u9+S4Bklw2zt4wizNGypxVI2YU6DxOQPnaohpN19YMUGkdsZZOFFDBE3iHrX5tOAEfAnws3++hgmkvKXxSyfjSag9em+fvajfLMFZ4sMMlNCy/Ooais7ZD8DML0sCYQSuFVzY9m0KyYejc6V6nHe6+QRf1F22eHl4ND6+Ls"},

	// RFC 7914, the third; then Python's hashlib, checked with openssl kdf.
	{"pleaseletmein", "$scrypt$ln=16384,r=8,p=1$U29kaXVtQ2hsb3JpZGU=$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw=="},
	{"zażółć gęślą jaźń", "$scrypt$ln=1024,r=8,p=10$AP9zYWx0IG9mIDE2IGJ5dA==$ji4xqGMRoqZUW2rf7O5C8g=="},
	{"zażółć gęślą jaźń", "$scrypt$ln=2,r=1,p=1$AP9zYWx0IG9mIDE2IGJ5dA==$LTq15m4g4yK917O8RhqUOjxEyIyl4bNjXzHFRwnRv+o="},

	// The example of github.com/firebase/scrypt; then Python's hashlib with openssl enc -aes-256-ctr.
	{"user1password", "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="},
	{"zażółć gęślą jaźń", "$firescrypt$ln=5,r=4,p=2$AP9zYWx0IG9mIDE2IGJ5dA==$lDhH8qlsvkhxynWjJI+CVhsGNfGvLOPquRljdxBp8so=$Bw==$YSBzaWduZXIga2V5IG9mIHRoaXJ0eS10d28gYnl0ZXM="},

	// Python's hashlib and openssl dgst agree on these digests.
	{"zażółć gęślą jaźń", "{SSHA}kOVf9twy6jr/CAqgZ6ZfswJqHigA/3NhbHQgb2YgMTYgYnl0"},
	{"pw", "{SSHA}fn9NO4gmm8p+/qaTnTWuU3Ao+GRz"},
	{"zażółć gęślą jaźń", "{SSHA256}NZiCclN19nSdtZj81ptqyyN8XM3biqVmfap29QZZo9MA/3NhbHQgb2YgMTYgYnl0"},
	{"pw", "{SSHA256}GsirwOA0xQNeI6R+OKG4dqnSYaNaNtp59Jw+H1m1lcVz"},
	{"zażółć gęślą jaźń", "{SSHA512}v7sl6WPjt7hxJn/9DVBcK/9iI/tuDcdqy9aDIi5IWos3O6TDBWMA8pbTzV43XIKtCixw8qN/R30p4f3kNlEIaAD/c2FsdCBvZiAxNiBieXQ="},
	{"pw", "{SSHA512}prbq63dIjd9k66yWnFxSct99omu3ZNMdJI0rY/I8/xKvkh2UhKbSfCFg3z/OA7K2uXfg5+oqu9P7joOQdIPNN3M="},
	{"zażółć gęślą jaźń", "$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$AP9zYWx0IG9mIDE2IGJ5dA==$Yxz7kKOrlaRIlP9CWk9NlmvBP1k="},
	{"zażółć gęślą jaźń", "$sha1$pf=cGVwcGVyJCR7UEFTU1dPUkR9OntTQUxUfTp7UEFTU1dPUkR9$AP9zYWx0IG9mIDE2IGJ5dA==$I0FLAZjtQeo//tNmjl5zK326jh8="},
	{"zażółć gęślą jaźń", "$sha1$pf=e1BBU1NXT1JEfQ==$$OlXLdRkykZFRtEOe8bc6OYbOGRE="},
	{"zażółć gęślą jaźń", "$sha256$pf=e1NBTFR9e1BBU1NXT1JEfQ==$AP9zYWx0IG9mIDE2IGJ5dA==$I7AeKWgFBNNFEbq8bxIO7Rgx7cS6iYEnjNwZ+z6qfzc="},
	{"zażółć gęślą jaźń", "$sha256$pf=cGVwcGVyJCR7UEFTU1dPUkR9OntTQUxUfTp7UEFTU1dPUkR9$AP9zYWx0IG9mIDE2IGJ5dA==$jDhDW3vNzAxaaALIlZYuYRThqHpBqBQ/r4gjAp1dE0M="},
	{"zażółć gęślą jaźń", "$sha256$pf=e1BBU1NXT1JEfQ==$$q06XOnHPndim0Nm4AwApshm24WLR298K0Ovw3WmNYFc="},
	{"zażółć gęślą jaźń", "$sha512$pf=e1NBTFR9e1BBU1NXT1JEfQ==$AP9zYWx0IG9mIDE2IGJ5dA==$G5XJA08wosCXXZA0v2cAWF9FPILSgaTdCHD2EZrdcIjacxbVV7CH81dlydZpgiWUvMEWPG3wsDtuMUPsfWMU5w=="},
	{"zażółć gęślą jaźń", "$sha512$pf=cGVwcGVyJCR7UEFTU1dPUkR9OntTQUxUfTp7UEFTU1dPUkR9$AP9zYWx0IG9mIDE2IGJ5dA==$zgkQUVMOH3qhE6+oJTk91D5BKUXcGttjDpwTOkvdF1uECfMy4Zz/tIgthjynSYPdo5DBIHiodYNyLuY0Y7apOQ=="},
	{"zażółć gęślą jaźń", "$sha512$pf=e1BBU1NXT1JEfQ==$$CkV2LdwMweri5sI9yazy79O8Fnbv8qhqF8+IdKd2aek+tr4hG1gV4JGt61wOfY+WHiPLs5Bs4pnog8iPKkcvIA=="},
	{"zażółć gęślą jaźń", "$md5$pf=e1NBTFR9e1BBU1NXT1JEfQ==$AP9zYWx0IG9mIDE2IGJ5dA==$xNdHyN/Dl5oDl7El9ufTzw=="},
	{"zażółć gęślą jaźń", "$md5$pf=cGVwcGVyJCR7UEFTU1dPUkR9OntTQUxUfTp7UEFTU1dPUkR9$AP9zYWx0IG9mIDE2IGJ5dA==$kPEjmwrGDRmmjMTQkqoLHg=="},
	{"zażółć gęślą jaźń", "$md5$pf=e1BBU1NXT1JEfQ==$$kwubePNbgMy0FM10hrtM2w=="},
	{"{SALT}", "$sha256$pf=e1NBTFR9e1BBU1NXT1JEfQ==$eA==$s1hXttV71Ywap2BiJSgeKwFk0s0Mcs/o2ulyZK1nsjg="},
	{"zażółć gęślą jaźń", "$md5$kwubePNbgMy0FM10hrtM2w=="},
	{"", "$md5$1B2M2Y8AsgTpgAmY7PhCfg=="},

	// openssl passwd -1, -5 and -6 agree with libxcrypt.
	{"zażółć gęślą jaźń", "$md5-crypt$ab./YZ01$hPHwD6lydTnuXLE2J0.1s/"},
	{"zażółć gęślą jaźń", "$sha256-crypt$ab./YZ01$6yG/VPuXrHO.Cz/H.mgBcrSfD..RTgUviJ4cAHA3zT4"},
	{"zażółć gęślą jaźń", "$sha256-crypt$rounds=1000$0123456789abcdef$aVeAsyDJRaSnLUKmw8Vx4AbeC7JoiRDEhpxu2FXgZr/"},
	{"zażółć gęślą jaźń", "$sha512-crypt$ab./YZ01$PYvXvoywKxA5OId4Jkyyk1gQITny9dAhgZQRMfwcRnrCFvXsR/gZBteO4PBRTLTzQoz6giHl6a1LMqSCiaTkl/"},
	{"zażółć gęślą jaźń", "$sha512-crypt$rounds=1000$0123456789abcdef$XrY6kXYyek8Ehzgx1e1iAmqFZF89Ov0m6IiLJEniP9x4VrkYmgCq9S68jOrWKD8Y8q401vgcwNFalDQy7hzNF."},
	{"a", "$md5-crypt$ab./YZ01$uW5GwHW8BrlZE0y.Veejb/"},
	{"a", "$sha256-crypt$ab./YZ01$o4LkSvYuyRZuIeQfl5WrN5O/9003YXK9ssqvKv.3jm0"},
	{"a", "$sha256-crypt$rounds=1000$0123456789abcdef$Ds/stBDfBY2Ki214lRThvi8QKOdbAoqGp3DtSsQ15i9"},
	{"a", "$sha512-crypt$ab./YZ01$nSSVpSlUReJ8lE5RXjsKWdeIsuuoYydMQU./NjnDfS54/ZMNR0H1PYPIPX8vvsf/pKWFHUFnrAJ/smPfu4m0O."},
	{"a", "$sha512-crypt$rounds=1000$0123456789abcdef$mCxGHJTF9sbr3IgCUy.R0Zpz25NlL.KdpQi8qAQXelm6xl5S6Lt7samr9JrjsgWWMHYY/itHGoCwaIkkGFY5O/"},
	{hundred, "$md5-crypt$ab./YZ01$A9txBV0Zq.sEVAC4/fPuS."},
	{hundred, "$sha256-crypt$ab./YZ01$vpr6YA6FLaI0JlfUNPFFzDeYUzUQ2xh.Xjt8hIz4Yw/"},
	{hundred, "$sha256-crypt$rounds=1000$0123456789abcdef$czdOQCsA/VDhZcMjIK.oUKHWtOuofNpsEoUzu7ha619"},
	{hundred, "$sha512-crypt$ab./YZ01$j66eaIZXFGJaEc2lPWr9x41fMkTMFnyWfTLyfukcOYEW0vz5tthdQEe0Zc9DgKjsvouAxGoLW/EdvrlECEDDa."},
	{hundred, "$sha512-crypt$rounds=1000$0123456789abcdef$YuY9JJen25lTUY7EM6hCCYwjDk4in7o2JfUsdnbCiQGBp7TNrnx2bpzBZTG9Un9xTV2Y6Dy6RNeoW94STiEFU0"},
	{"", "$md5-crypt$ab./YZ01$g5JVfkY2s6iSzf7vWfa41."},
	{"", "$sha256-crypt$rounds=1000$salt$oacEarljCLl1hnwSHaKByNaFLSC8faCZtGSPISXgwZ."},
	{"test", "$md5-crypt$$whuMjZj.HMFoaTaZRRtkO0"},

	// The specification of sha-crypt (Drepper), the first of each table.
	{"Hello world!", "$sha256-crypt$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
	{"Hello world!", "$sha512-crypt$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},

	// RFC 2202 and RFC 4231, the second of each; then openssl dgst -hmac, and Python's hmac where it has the digest.
	{"what do ya want for nothing?", "$hmac-md5$NzUwYzc4M2U2YWIwYjUwM2VhYTg2ZTMxMGE1ZGI3Mzg=$SmVmZQ=="},
	{"what do ya want for nothing?", "$hmac-sha1$ZWZmY2RmNmFlNWViMmZhMmQyNzQxNmQ1ZjE4NGRmOWMyNTlhN2M3OQ==$SmVmZQ=="},
	{"what do ya want for nothing?", "$hmac-sha224$YTMwZTAxMDk4YmM2ZGJiZjQ1NjkwZjNhN2U5ZTZkMGY4YmJlYTJhMzllNjE0ODAwOGZkMDVlNDQ=$SmVmZQ=="},
	{"what do ya want for nothing?", "$hmac-sha256$NWJkY2MxNDZiZjYwNzU0ZTZhMDQyNDI2MDg5NTc1Yzc1YTAwM2YwODlkMjczOTgzOWRlYzU4Yjk2NGVjMzg0Mw==$SmVmZQ=="},
	{"what do ya want for nothing?", "$hmac-sha384$YWY0NWQyZTM3NjQ4NDAzMTYxN2Y3OGQyYjU4YTZiMWI5YzdlZjQ2NGY1YTAxYjQ3ZTQyZWMzNzM2MzIyNDQ1ZThlMjI0MGNhNWU2OWUyYzc4YjMyMzllY2ZhYjIxNjQ5$SmVmZQ=="},
	{"what do ya want for nothing?", "$hmac-sha512$MTY0YjdhN2JmY2Y4MTllMmUzOTVmYmU3M2I1NmUwYTM4N2JkNjQyMjJlODMxZmQ2MTAyNzBjZDdlYTI1MDU1NDk3NThiZjc1YzA1YTk5NGE2ZDAzNGY2NWY4ZjBlNmZkY2FlYWIxYTM0ZDRhNmI0YjYzNmUwNzBhMzhiY2U3Mzc=$SmVmZQ=="},
	{"zażółć gęślą jaźń", "$hmac-md4$Y2VmOTU0OGM2MmExYzNkNTNmY2IyNDA5NGEwMDI3ZjU=$AP9zYWx0IG9mIDE2IGJ5dA=="},
	{"zażółć gęślą jaźń", "$hmac-md5$MDdlNjJmMGJhMTM3MGQ2OWExNTIyM2YxNjRhMTkwYmQ=$AP9zYWx0IG9mIDE2IGJ5dA=="},
	{"zażółć gęślą jaźń", "$hmac-sha1$NzNjY2Q3NDJlZmM3ZDFkZTJhZDhlMDljYjBiNTk2NWRhMjAyMDFlYw==$AP9zYWx0IG9mIDE2IGJ5dA=="},
	{"zażółć gęślą jaźń", "$hmac-sha224$MTMxZjhiNmRlOThjMDk4MjdlMTE3ZDVjODFmZTU2ZjcwZGQ3YzRkMDkzMWVlYTA2NGEyZWFhZmI=$AP9zYWx0IG9mIDE2IGJ5dA=="},
	{"zażółć gęślą jaźń", "$hmac-sha256$ODc1NzhjZTYyNDYxYTY3YzVmMzg3MGFjNTcxNTMxYmExZWM0M2U0OGQ4YTViY2Q0Zjk5MzQxNGE3M2Q0MWJlZQ==$AP9zYWx0IG9mIDE2IGJ5dA=="},
	{"zażółć gęślą jaźń", "$hmac-sha384$NTUwMDc4ZGFjMjE0ZjczNzNjY2RlYmI1OWVmMjg0NThiNmU2NmYzNzI0ZTJlYTAzOTQ0YmE5MjliOGM2ZjkyMjc5Njg1ZTVjZmE5N2FiMjc3ZmIxNjkxZDYyMTAyMmI4$AP9zYWx0IG9mIDE2IGJ5dA=="},
	{"zażółć gęślą jaźń", "$hmac-sha512$ZjI2YjAyMGY2NzEwYWJiN2FkNjIzZTVlNGVkYWNhMDkwNzU2YjdkODVkN2JjMDYzOGE2NmYzOWNhODU2MzRlYzdlM2E4YjkyZTYxOGQyNTI2YTkyMWNiNmIxMjhiNzIwZDkzNDI3NzU3NDM1ZWUyMGEzZDExYzIzMWM0N2E1ZmI=$AP9zYWx0IG9mIDE2IGJ5dA=="},
}
