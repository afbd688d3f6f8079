namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>Statements: recursive descent over the token stream, one method per tag. Expressions are in ExpressionParser.cs.</summary>
internal sealed partial class Parser
{
    private readonly List<string> openTags = [];
    private readonly List<string[]> endTags = [];

    private Parser(string template)
    {
        tokens = Lexer.Tokenize(template).GetEnumerator();
        current = ReadToken();
    }

    public static Statement[] Parse(string template)
    {
        var parser = new Parser(template);
        try
        {
            return parser.ParseUntil(null);
        }
        catch (ChatTemplateException e)
        {
            throw e.At(parser.current.Line);
        }
    }

    /// <summary>Statements up to one of the end tags, which stays the current token; to the end of the template for null.</summary>
    private Statement[] ParseUntil(string[]? ends)
    {
        Sandbox.GuardStack();
        if (endTags.Count >= RenderLimits.BlockDepth) throw Fail.Recursion();
        var body = new List<Statement>();
        if (ends is not null) endTags.Add(ends);
        while (current.Kind != TokenKind.End)
        {
            var token = Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new TextOutput(token.Text) { Line = token.Line });
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new PrintOutput(ParseTuple()) { Line = token.Line });
                    Expect(TokenKind.VariableEnd);
                    break;
                default:
                    if (ends is not null && current.Kind == TokenKind.Name && ends.Contains(current.Text))
                    {
                        endTags.RemoveAt(endTags.Count - 1);
                        return [.. body];
                    }
                    body.Add(ParseStatement());
                    Expect(TokenKind.BlockEnd);
                    break;
            }
        }
        if (ends is not null) FailUnknown(null, current.Line);
        return [.. body];
    }

    private Statement[] ParseBody(params string[] ends)
    {
        SkipOperator(":");
        Expect(TokenKind.BlockEnd);
        return ParseUntil(ends);
    }

    /// <summary>A body whose end tag is consumed.</summary>
    private Statement[] ParseWholeBody(string end)
    {
        var body = ParseBody(end);
        Next();
        return body;
    }

    private Statement ParseStatement()
    {
        if (current.Kind != TokenKind.Name) throw Fail.Syntax("tag name expected", current.Line);
        var tag = current;
        openTags.Add(tag.Text);
        Statement? statement = tag.Text switch
        {
            "for" => ParseFor(),
            "if" => ParseIf(),
            "set" => ParseSet(),
            "with" => ParseWith(),
            "macro" => ParseMacro(),
            "call" => ParseCallBlock(),
            "filter" => ParseFilterBlock(),
            "print" => ParsePrint(),
            "generation" => ParseGeneration(),
            "break" or "continue" => new LoopControl(Next().Text == "break") { Line = tag.Line },
            "include" or "import" or "from" or "extends" => ParseOtherTemplate(),
            "block" or "autoescape" => throw Fail.Unsupported($"The tag {{% {tag.Text} %}}").At(tag.Line),
            _ => null,
        };
        openTags.RemoveAt(openTags.Count - 1);
        if (statement is null) FailUnknown(tag.Text, tag.Line);
        return statement!;
    }

    private For ParseFor()
    {
        var line = Next().Line;
        var target = ParseTarget();
        ExpectName("in");
        var items = ParseTuple(withConditional: false);
        var test = SkipName("if") ? ParseExpression() : null;
        var recursive = SkipName("recursive");
        var body = ParseBody("endfor", "else");
        var otherwise = Next().Text == "endfor" ? [] : ParseWholeBody("endfor");
        return new For(target, CopyTarget(target), items, body, otherwise, test, recursive) { Line = line };
    }

    private If ParseIf()
    {
        var line = Next().Line;
        var test = ParseTuple(withConditional: false);
        var body = ParseBody("elif", "else", "endif");
        var elseIfs = new List<If>();
        Statement[] otherwise = [];
        var end = Next();
        while (end.IsName("elif"))
        {
            var elseLine = current.Line;
            var elseTest = ParseTuple(withConditional: false);
            elseIfs.Add(new If(elseTest, ParseBody("elif", "else", "endif"), [], []) { Line = elseLine });
            end = Next();
        }
        if (end.IsName("else")) otherwise = ParseWholeBody("endif");
        return new If(test, body, [.. elseIfs], otherwise) { Line = line };
    }

    private Statement ParseSet()
    {
        var line = Next().Line;
        var target = ParseTarget(withNamespace: true);
        if (SkipOperator("=")) return new Set(target, ParseTuple()) { Line = line };
        var filter = (FilterExpression?)ParseFilters(null);
        return new SetBlock(target, filter, ParseWholeBody("endset")) { Line = line };
    }

    private With ParseWith()
    {
        var line = Next().Line;
        List<Expression> targets = [], values = [];
        while (current.Kind != TokenKind.BlockEnd)
        {
            if (targets.Count > 0) ExpectOperator(",");
            targets.Add(AsParameter(ParseTarget()));
            ExpectOperator("=");
            values.Add(ParseExpression());
        }
        return new With([.. targets], [.. values], ParseWholeBody("endwith")) { Line = line };
    }

    private Macro ParseMacro()
    {
        var line = Next().Line;
        var name = ParseNameTarget(NameUse.Store).Id;
        var (parameters, defaults) = ParseSignature();
        var body = ParseWholeBody("endmacro");
        return new Macro(new MacroDefinition(name, parameters, defaults, body) { Line = line }) { Line = line };
    }

    private CallBlock ParseCallBlock()
    {
        var line = Next().Line;
        var (parameters, defaults) = current.IsOperator("(") ? ParseSignature() : ([], []);
        if (ParseExpression() is not Call call) throw Fail.Syntax("expected call", line);
        var body = ParseWholeBody("endcall");
        return new CallBlock(call, new MacroDefinition(null, parameters, defaults, body) { Line = line }) { Line = line };
    }

    private Generation ParseGeneration()
    {
        var line = Next().Line;
        var body = ParseWholeBody("endgeneration");
        return new Generation(new MacroDefinition(null, [], [], body) { Line = line }) { Line = line };
    }

    private (Name[] Parameters, Expression[] Defaults) ParseSignature()
    {
        List<Name> parameters = [];
        List<Expression> defaults = [];
        ExpectOperator("(");
        while (!current.IsOperator(")"))
        {
            if (parameters.Count > 0) ExpectOperator(",");
            parameters.Add(ParseNameTarget(NameUse.Parameter));
            if (SkipOperator("=")) defaults.Add(ParseExpression());
            else if (defaults.Count > 0) throw Fail.Syntax("non-default argument follows default argument", current.Line);
        }
        Next();
        return ([.. parameters], [.. defaults]);
    }

    private FilterBlock ParseFilterBlock()
    {
        var line = Next().Line;
        var filter = (FilterExpression)ParseFilters(null, startsInside: true)!;
        return new FilterBlock(filter, ParseWholeBody("endfilter")) { Line = line };
    }

    /// <summary><c>{% print a, b %}</c>, an old form of <c>{{ a }}{{ b }}</c>.</summary>
    private If ParsePrint()
    {
        var line = Next().Line;
        var outputs = new List<Statement>();
        while (current.Kind != TokenKind.BlockEnd)
        {
            if (outputs.Count > 0) ExpectOperator(",");
            outputs.Add(new PrintOutput(ParseExpression()) { Line = line });
        }
        return new If(new Constant(true) { Line = line }, [.. outputs], [], []) { Line = line };
    }

    private OtherTemplate ParseOtherTemplate()
    {
        var tag = Next();
        ParseExpression();
        if (tag.Text == "import")
        {
            ExpectName("as");
            ParseNameTarget(NameUse.Store);
        }
        if (tag.Text == "from") ParseImportedNames();
        if (tag.Text == "include" && current.IsName("ignore") && Look().IsName("missing")) Skip(2);
        if (tag.Text != "extends" && AtImportContext()) Skip(2);
        return new OtherTemplate(tag.Text) { Line = tag.Line };
    }

    private void ParseImportedNames()
    {
        ExpectName("import");
        do
        {
            if (AtImportContext()) return;
            var name = ParseNameTarget(NameUse.Store);
            if (name.Id.StartsWith('_')) throw Fail.Syntax("names starting with an underline can not be imported", name.Line);
            if (SkipName("as")) ParseNameTarget(NameUse.Store);
        }
        while (!AtImportContext() && SkipOperator(","));
    }

    private bool AtImportContext() => current is { Kind: TokenKind.Name, Text: "with" or "without" } && Look().IsName("context");

    private void Skip(int count)
    {
        for (; count > 0; count--) Next();
    }

    private Name ParseNameTarget(NameUse use)
    {
        var token = Expect(TokenKind.Name);
        if (IsConstantName(token.Text)) throw CannotAssign("name", token.Line);
        return new Name(token.Text, use) { Line = token.Line };
    }

    /// <summary>What may stand left of <c>=</c> or <c>in</c>: a name, a tuple of names, with <paramref name="withNamespace"/> also <c>ns.x</c>.</summary>
    private Expression ParseTarget(bool withNamespace = false) =>
        AsTarget(ParseTuple(parseItem: () => ParsePrimary(withNamespace)), NameUse.Store);

    private static Expression AsTarget(Expression parsed, NameUse use) => parsed switch
    {
        Name name when !IsConstantName(name.Id) => new Name(name.Id, use) { Line = name.Line },
        NamespaceTarget target => target,
        TupleExpression tuple => new TupleExpression([.. tuple.Items.Select(item => AsTarget(item, use))]) { Line = tuple.Line },
        _ => throw CannotAssign(KindOf(parsed), parsed.Line),
    };

    private static Expression AsParameter(Expression target) => AsTarget(target, NameUse.Parameter);

    private static Expression CopyTarget(Expression target) => AsTarget(target, NameUse.Store);

    private static ChatTemplateException CannotAssign(string what, int line) => Fail.Syntax($"can't assign to '{what}'", line);

    private static string KindOf(Expression expression) => expression switch
    {
        Constant => "const",
        ListExpression => "list",
        DictExpression => "dict",
        TupleExpression => "tuple",
        _ => expression.GetType().Name.ToLowerInvariant(),
    };

    private static bool IsConstantName(string name) => name is "true" or "false" or "none" or "True" or "False" or "None";

    private void FailUnknown(string? tag, int line)
    {
        var message = tag is null ? "Unexpected end of template." : $"Encountered unknown tag '{tag}'.";
        if (endTags.Count > 0)
        {
            var looking = string.Join(" or ", endTags[^1].Select(name => $"'{name}'"));
            message += tag is not null && endTags.Any(ends => ends.Contains(tag))
                ? $" You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for {looking}."
                : $" Jinja was looking for the following tags: {looking}.";
        }
        if (openTags.Count > 0) message += $" The innermost block that needs to be closed is '{openTags[^1]}'.";
        throw Fail.Syntax(message, line);
    }
}
