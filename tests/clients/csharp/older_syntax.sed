# Says in the C# that Mono's compiler knows what the original assembly's sources say in newer C#.
s/\busing var /var /
s/\(static (\w+) =>/(\1 =>/
s/(\S+) (\w+) = new\(/\1 \2 = new \1(/
s/where (\w+) ?: unmanaged/where \1 : struct/g
s/ is null/ == null/g
s/\(([A-Za-z.]+) is not (\w+)\)/(!(\1 is \2))/
s/([A-Za-z.]+)\.Span\[(\w+)\] = (.*);/{ var written = \1.Span; written[\2] = \3; }/
s/(var|Span<int>) (\w+) = (\w+) < ArrayUtilities.StackallocMax \? stackalloc int\[(\w+)\] : new int\[\w+\]/Span<int> \2 = new int[\4]/
s/= stackalloc int\[(\w+)\];/= new int[\1];/
s/(\w+\[\w+\]) = (\w+\[\w+\]) = (\w+);/\2 = \3; \1 = \3;/
